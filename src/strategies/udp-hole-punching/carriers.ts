import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseHostPort } from '../../core/config/host-port.js';
import type { Endpoint } from '../../core/net.js';
import type { Role } from '../../core/strategy.js';

/**
 * What takes the routers' bytes over a punched socket: `tunnel`, the kernel's TCP, `udx`, a stream of ours, or `quic`, the routers' own. In the
 * order of preference.
 */
export const carriers = ['tunnel', 'udx', 'quic'] as const;
export type Carrier = (typeof carriers)[number];

/** Where the router listens for quic on this machine, as its config says: `Listen: ["quic://127.0.0.1:9002"]`. */
export const quicListener = z.string().transform((text, context): Endpoint => {
  const parsed = parseHostPort(text);
  if (parsed && ipaddr.isValid(parsed.host) && ipaddr.parse(parsed.host).range() === 'loopback') {
    return { address: parsed.host, port: parsed.port };
  }
  context.issues.push({ code: 'custom', input: text, message: 'must be a loopback address and port, such as "127.0.0.1:9002"' });
  return z.NEVER;
});

/** One end's part in the choice. */
export interface CarrierOffer {
  readonly carriers: readonly Carrier[];
  /** Its router listens for quic. */
  readonly listens: boolean;
}

export type CarrierChoice =
  | { readonly carrier: 'tunnel' | 'udx' }
  | { readonly carrier: 'quic' /** This end's router dials. */; readonly dials: boolean };

/**
 * The first of the controlling end's carriers that both have enabled and can use; the same at both ends. Of two routers only one may dial
 * quic: the controlling end's, unless only that one listens.
 */
export function chooseCarrier(own: CarrierOffer, peer: CarrierOffer, role: Role): CarrierChoice | undefined {
  const [controlling, controlled] = role === 'controlling' ? [own, peer] : [peer, own];
  const carrier = controlling.carriers.find(
    (each) => controlled.carriers.includes(each) && (each !== 'quic' || own.listens || peer.listens),
  );
  if (carrier !== 'quic') return carrier && { carrier };
  const dialler: Role = controlled.listens ? 'controlling' : 'controlled';
  return { carrier, dials: role === dialler };
}
