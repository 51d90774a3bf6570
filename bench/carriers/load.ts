import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../../test/lab/lab.js';
import { median } from '../../test/lab/ping.js';
import type { Worker } from './carrier.js';

/** What one TCP flow from a to b, through the routers' TUN devices, made of a link and met on it. */
export interface LoadSample {
  /** Of the flow's payload. */
  readonly mbitPerSecond: number;
  /** CPU seconds a gigabyte of payload, both ends together. */
  readonly agentCpu: number;
  readonly routerCpu: number;
  /** Medians, in milliseconds. */
  readonly idlePingMs: number;
  readonly busyPingMs: number;
  /** Part of the pings that got no reply while the flow went on. */
  readonly busyPingLoss: number;
}

/** Cubic is what systems come with. */
export const congestion = 'cubic';
/** Routers move their traffic to a new link within 0.6 s. */
const settleMs = 1000;
const pingIntervalMs = 50;
const idlePings = 20;

export async function measureLoad(lab: Lab, agents: readonly Worker[], seconds: number): Promise<LoadSample> {
  const target = lab.b.router.address;
  await delay(settleMs);
  const idle = await lab.a.ping(target, { count: idlePings, intervalMs: pingIntervalMs });
  const server = lab.b.spawn(['iperf3', '-s', '-1', '--forceflush'], { name: 'iperf3' });
  await server.line('sign of readiness', (said) => said.includes('listening') || undefined);
  const routers = [lab.a.router, lab.b.router];
  const before = await Promise.all([cpuOf(agents), cpuOf(routers)]);
  const ping = lab.a.pingStream(target, { intervalMs: pingIntervalMs });
  let report: string;
  try {
    const client = ['iperf3', '-6', '-c', target, '-t', String(seconds), '-C', congestion, '-J'];
    report = await lab.a.exec(client, { timeoutMs: (seconds + 30) * 1000 });
  } finally {
    await ping.stop();
    await server.stop();
  }
  const after = await Promise.all([cpuOf(agents), cpuOf(routers)]);
  const { end } = JSON.parse(report) as { end: { sum_received: { bytes: number; bits_per_second: number } } };
  const gigabytes = end.sum_received.bytes / 1e9;
  return {
    mbitPerSecond: end.sum_received.bits_per_second / 1e6,
    agentCpu: (after[0] - before[0]) / gigabytes,
    routerCpu: (after[1] - before[1]) / gigabytes,
    idlePingMs: median(idle.rttsMs) ?? Number.NaN,
    busyPingMs: median(ping.replies.map(({ rttMs }) => rttMs)) ?? Number.NaN,
    busyPingLoss: ping.lost / (ping.lost + ping.replies.length),
  };
}

async function cpuOf(workers: readonly Worker[]): Promise<number> {
  const seconds = await Promise.all(workers.map((worker) => worker.cpuSeconds()));
  return seconds.reduce((sum, each) => sum + each, 0);
}
