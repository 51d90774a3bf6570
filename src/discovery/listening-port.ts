import { describeError, StrategyError } from '../core/errors.js';
import type { ByteStream, Listener, Net } from '../core/net.js';

/** IANA's dynamic ports. */
const dynamicPorts = { first: 49_152, count: 16_384 };

/** One local TCP port, the same for IPv4 and IPv6. */
export interface ListeningPort {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a port that the system picks. @param sharePort as in {@link Net.listenTcp} @throws StrategyError SOCKETS_REFUSED */
export async function openListeningPort(
  net: Net,
  { sharePort = false, onStream }: { readonly sharePort?: boolean; readonly onStream: (stream: ByteStream) => void },
): Promise<ListeningPort> {
  const first = await net.listenTcp({ local: { address: '0.0.0.0', port: 0 }, sharePort, onStream }).catch((cause: unknown) => {
    throw new StrategyError('SOCKETS_REFUSED', `There is no port to listen on: ${describeError(cause).message}.`, { cause });
  });
  const listeners: Listener[] = [first];
  const port = first.local?.port ?? 0;
  // A machine without IPv6, or with the port taken there, does with IPv4 alone.
  await net.listenTcp({ local: { address: '::', port }, sharePort, onStream }).then(
    (listener) => listeners.push(listener),
    () => {},
  );
  return {
    port,
    close: async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}

/** @param fraction uniform in [0, 1) */
export function dynamicPort(fraction: number): number {
  return dynamicPorts.first + Math.floor(fraction * dynamicPorts.count);
}
