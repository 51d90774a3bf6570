import { formatEndpoint } from '../discovery/candidates.js';
import { StunResponder } from '../discovery/stun/responder.js';
import type { Host } from './host.js';

/** Well-known port, and the second one that RFC 5780 asks for. */
const ports = { first: 3478, second: 3479 };

/** A STUN server on a host, over UDP and TCP; on one of two addresses it speaks RFC 5780. @returns its name, as the config has it */
export async function serveStun(host: Host): Promise<string> {
  const [first = '', second] = host.addresses;
  const listen = { address: first, port: ports.first };
  await StunResponder.open({
    net: host.net,
    clock: host.clock,
    listen,
    ...(second === undefined ? {} : { alternate: { address: second, port: ports.second } }),
    // One host of the simulation asks as much as a thousand of the world.
    limits: { perSecond: 10_000, burst: 10_000, connections: 10_000, connectionsPerSource: 10_000 },
  });
  return formatEndpoint(listen);
}
