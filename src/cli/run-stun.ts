import { isIP } from 'node:net';
import { systemClock } from '../core/clock.js';
import { describeError } from '../core/errors.js';
import type { Endpoint, Net } from '../core/net.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { StunResponder } from '../discovery/stun/responder.js';
import { loadAddon } from '../native/addon.js';
import { createSystemNet } from '../native/system-net.js';
import { type ServingSurroundings, serveUntilStopped } from './serve-until-stopped.js';
import type { StunOptions } from './stun.js';

export interface StunSurroundings extends ServingSurroundings {
  readonly net: Pick<Net, 'bindUdp' | 'listenTcp'>;
}

/** `ratatoskr stun` until a signal ends it. @returns the exit code @throws AgentError STUN_PORT_TAKEN, STUN_LISTEN_FAILED, STUN_ALTERNATE_UNUSABLE */
export async function runStun(options: StunOptions, surroundings: StunSurroundings = machine()): Promise<number> {
  const { net, clock, out } = surroundings;
  const { listen = defaultPlaces, alternate, logLevel } = options;
  const logging = { level: logLevel, format: 'auto', addresses: 'auto' } as const;
  return await serveUntilStopped('stun', logging, surroundings, async (log, stopped) => {
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
    } finally {
      await Promise.all(responders.map((responder) => responder.close()));
    }
  });
}

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
