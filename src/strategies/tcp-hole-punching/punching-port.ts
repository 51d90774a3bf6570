import type { ByteStream, Listener, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';

/** Where ports cannot be shared there is no listener to pick one: this range is IANA's dynamic ports. */
const dynamicPorts = { first: 49152, count: 16384 };

/** One local TCP port, the same for IPv4 and IPv6, that listens and that connections are made from. */
export interface PunchingPort {
  readonly port: number;
  close(): Promise<void>;
}

/** Takes a port. Without shared ports it does not listen, and only connects. */
export async function openPunchingPort(net: Net, random: Random, onStream: (stream: ByteStream) => void): Promise<PunchingPort> {
  if (!net.capabilities.sharedPort) {
    return { port: dynamicPorts.first + Math.floor(random.fraction() * dynamicPorts.count), close: async () => {} };
  }
  const listeners: Listener[] = [await net.listenTcp({ local: { address: '0.0.0.0', port: 0 }, sharePort: true, onStream })];
  const port = listeners[0]?.local?.port ?? 0;
  // A machine without IPv6, or with the port taken there, punches over IPv4 alone.
  await net.listenTcp({ local: { address: '::', port }, sharePort: true, onStream }).then(
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
