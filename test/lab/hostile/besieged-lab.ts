import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { labTools } from '../../../scripts/setup/lab-tools.mjs';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import type { PingStream } from '../ping.js';
import { poll } from '../poll.js';
import { makeRouterKey, type RouterKey, RouterProcess } from '../router-process.js';
import { publicAddresses, type Site, sites } from '../topology.js';
import { Caller } from './caller.js';
import { Stranger } from './stranger.js';

/** Where agents meet. */
const signallingPort = 4702;
/** The stranger's own, on the line to the public peer. */
export const strangersAddress = '20.0.9.1';
/** A bridge that the agents themselves replace by a better one would look like a stranger's work. */
export const agentOptions = { args: ['--strategies', 'tcp-hole-punching'] };
/** As Lab.settled, for the router that joins last. */
const routesSpreadMs = 4000;

/**
 * Two agents with a bridge between them that carries traffic, and a stranger in the public network with a router of his own. His
 * key lies between theirs: the agent of `a`, behind a NAT, controls towards him, and he controls towards the public `b`.
 */
export class BesiegedLab {
  /** Events of `a` before this one are of no interest. */
  private calmSince = 0;

  private constructor(
    readonly lab: Lab,
    readonly agents: Record<Site, AgentProcess>,
    /** Where the stranger's router runs. */
    readonly host: Host,
    readonly stranger: Stranger,
    private ping: PingStream,
  ) {}

  static async open(): Promise<BesiegedLab> {
    const lab = await Lab.create({ a: 'prc', b: 'public', controlling: 'a' });
    try {
      const host = lab.node('core');
      await joinOverlay(host, keyBetween(lab.a.router.key, lab.b.router.key));
      const stranger = await Stranger.at(host);
      const agents = { a: lab.a.agent(agentOptions), b: lab.b.agent(agentOptions) };
      await Promise.all(sites.map((site) => agents[site].event('signalling.listening')));
      const ping = traffic(lab);
      await Promise.all(sites.map((site) => agents[site].event('bridge.up')));
      // Sessions are there from now on, so that no test waits for one.
      await Promise.all(sites.map((site) => host.ping(lab[site].router.address, { count: 1 })));
      await ping.reply();
      return new BesiegedLab(lab, agents, host, stranger, ping);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** The stranger dials an agent over the overlay. */
  async call(site: Site, localAddress = this.host.router.address): Promise<Caller> {
    return new Caller(await this.stranger.dial({ host: this.lab[site].router.address, port: signallingPort, localAddress }));
  }

  /** A call in which both have said hello, as the protocol has it, and the agent listens to what comes next. */
  async introduce(site: Site): Promise<Caller> {
    const before = this.agents[site].events.at(-1);
    const caller = await this.call(site);
    caller.hello(this.host.router.key);
    caller.answerPings();
    await this.agents[site].event('signalling.connected', {
      where: ({ peer }) => peer.key === this.host.router.key,
      ...(before ? { after: before } : {}),
    });
    return caller;
  }

  /** Resolves when the agent has said why it refused the stranger. */
  async refusal(site: Site, code: string): Promise<void> {
    const where = (line: { code: string; remote: string }) => line.code === code && line.remote === this.host.router.address;
    await this.agents[site].event('signalling.failed', { where });
  }

  /** A new agent in the place of that of `b`; resolves when there is a bridge again. What that does to traffic is no disturbance. */
  async restartB(): Promise<void> {
    const { a } = this.agents;
    const after = a.events.at(-1);
    await this.agents.b.terminate();
    await a.event('bridge.down', after ? { after } : {});
    this.calmSince = a.events.length;
    this.agents.b = this.lab.b.agent(agentOptions);
    await Promise.all([this.agents.b.event('bridge.up'), a.event('bridge.up', after ? { after } : {})]);
    await this.ping.stop();
    this.ping = traffic(this.lab);
    await this.ping.reply();
  }

  /** What the stranger has done to the bridge between the two since it is up, one sentence each. */
  async disturbances(): Promise<readonly string[]> {
    // What was on its way is back before anything is counted as lost.
    await this.ping.reply(({ time }) => time > Date.now() - 50, { timeoutMs: 5000 });
    const lost = this.ping.lost > 0 ? [`${this.ping.lost} pings were lost`] : [];
    const found = sites.map(async (site) => {
      const { exit, events } = this.agents[site];
      const ended = exit ? [`the agent of ${site} ended with ${exit.signal ?? `code ${exit.code}`}`] : [];
      const since = site === 'a' ? this.calmSince : 0;
      const down = events
        .slice(since)
        .flatMap((line) => (line.event === 'bridge.down' ? `a bridge of ${site} went down: ${line.message}` : []));
      // One that failed is removed just after the agent has said so.
      const look = async () => (await this.agents[site].bridges()).length === 1 || undefined;
      const more = await poll('one bridge', look, { timeoutMs: 3000 }).then(
        () => [],
        async () => [`the router of ${site} has the bridges ${(await this.agents[site].bridges()).join(' ')}`],
      );
      return [...ended, ...down, ...more];
    });
    return [...lost, ...(await Promise.all(found)).flat()];
  }

  /** Counts from zero the TCP packets that a host sends to those ports, on whatever interface. @returns how many so far */
  async packetCounter(site: Site, ports: readonly number[]): Promise<(port: number) => Promise<number>> {
    const host = this.lab[site];
    const rules = ports.map((port) => `tcp dport ${port} counter name to${port}`).join('\n');
    const counters = ports.map((port) => `counter to${port} { }`).join('\n');
    const chain = `chain output {\ntype filter hook output priority filter\n${rules}\n}`;
    const table = `table inet siege\ndelete table inet siege\ntable inet siege {\n${counters}\n${chain}\n}\n`;
    await host.exec(['nft', '-f', '-'], { input: table });
    return async (port) => {
      const text = await host.exec(['nft', '-f', '-'], { input: `list counter inet siege to${port}\n` });
      return Number(/packets (\d+)/.exec(text)?.[1]);
    };
  }

  /** What an agent's process takes of the machine. */
  resources(site: Site): { readonly descriptors: number; readonly residentBytes: number } {
    const [pid] = readFileSync(join(this.lab[site].folder, 'run', 'agent.lock'), 'utf8').split(' ');
    const process = `/proc/${this.lab.pid}/root/proc/${pid}`;
    const resident = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`${process}/status`, 'utf8'))?.[1];
    return { descriptors: readdirSync(`${process}/fd`).length, residentBytes: Number(resident) * 1024 };
  }

  /** Resolves when the agent has no more descriptors than before. */
  async givenBack(site: Site, { descriptors }: { readonly descriptors: number }): Promise<void> {
    await poll('all descriptors are given back', () => this.resources(site).descriptors <= descriptors || undefined, {
      timeoutMs: 15_000,
    });
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

/** Traffic from `a` to `b`, which makes the session deserve its bridge and would miss it. */
function traffic(lab: Lab): PingStream {
  return lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
}

/** Gives a host without one a yggdrasil that knows the public peer. Resolves when the overlay routes to it. */
export async function joinOverlay(host: Host, key: RouterKey): Promise<void> {
  const { yggdrasil: program } = await labTools();
  host.router = new RouterProcess(host, { program, key, peers: [`tcp://${publicAddresses[0]}:5000`] });
  await host.router.start();
  await host.router.connected(1);
  await delay(routesSpreadMs);
}

function keyBetween(low: string, high: string): RouterKey {
  for (;;) {
    const key = makeRouterKey();
    if (low < key.publicKey && key.publicKey < high) return key;
  }
}
