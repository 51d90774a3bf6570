import type { ByteStream, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { dynamicPort, type ListeningPort, openListeningPort } from '../../discovery/listening-port.js';

/**
 * One local TCP port, the same for IPv4 and IPv6, that listens and that connections are made from. Without shared ports it does
 * not listen, and only connects.
 */
export async function openPunchingPort(net: Net, random: Random, onStream: (stream: ByteStream) => void): Promise<ListeningPort> {
  if (net.capabilities.sharedPort) return openListeningPort(net, { sharePort: true, onStream });
  return { port: dynamicPort(random.fraction()), close: async () => {} };
}
