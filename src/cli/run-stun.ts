import { isIP } from 'node:net';
import { type Clock, systemClock } from '../core/clock.js';
import { describeError } from '../core/errors.js';
import { EventLogger } from '../core/event-logger.js';
import { EventSource } from '../core/events.js';
import type { Endpoint, Net } from '../core/net.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { StunResponder } from '../discovery/stun/responder.js';
import { loadAddon } from '../native/addon.js';
import { createSystemNet } from '../native/system-net.js';
import { EventLog } from './event-log.js';
import { exitCodes } from './exit-codes.js';
import type { StunOptions } from './stun.js';
import type { Host } from './supervisor.js';

export interface StunSurroundings {
  readonly net: Pick<Net, 'bindUdp' | 'listenTcp'>;
  readonly clock: Clock;
  /** Where SIGTERM and SIGINT come from. */
  readonly host: Host;
  readonly out: (text: string) => unknown;
}

/** `ratatoskr stun` until a signal ends it. @returns the exit code @throws AgentError STUN_PORT_TAKEN, STUN_LISTEN_FAILED, STUN_ALTERNATE_UNUSABLE */
export async function runStun(options: StunOptions, surroundings: StunSurroundings = machine()): Promise<number> {
  const { net, clock, host, out } = surroundings;
  const { listen = defaultPlaces, alternate, logLevel } = options;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  for (const signal of signals) host.on(signal, stop);
  const events = new EventSource('stun', () => clock.wallTime());
  const eventLog = new EventLog({ level: logLevel, format: 'auto', addresses: 'auto' }, { write: out });
  const log = new EventLogger(events);
  const responders: StunResponder[] = [];
  try {
    for (const place of listen) {
      try {
        const responder = await StunResponder.open({ net, clock, log, listen: place, ...(alternate && { alternate }) });
        responders.push(responder);
        for (const local of responder.local) out(`answering STUN on ${formatEndpoint(local)}, UDP and TCP\n`);
      } catch (error) {
        // A machine without IPv6 is no failure unless an IPv6 address was asked for.
        if (options.listen || !(isIP(place.address) === 6 && withoutFamily(error)) || place === listen[0]) throw error;
        log.info('stun.no-ipv6', { ...describeError(error) });
      }
    }
    await stopped;
    return exitCodes.ok.code;
  } finally {
    for (const signal of signals) host.off(signal, stop);
    await Promise.all(responders.map((responder) => responder.close()));
    eventLog.close();
  }
}

const signals = ['SIGTERM', 'SIGINT'];
const defaultPlaces: readonly Endpoint[] = [
  { address: '0.0.0.0', port: 3478 },
  { address: '::', port: 3478 },
];

function withoutFamily(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(describeError(cause).code);
}

function machine(): StunSurroundings {
  const net = createSystemNet(loadAddon());
  return { net, clock: systemClock, host: process, out: (text) => process.stdout.write(text) };
}
