import type { ByteStream, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { type SearchOptions, type ServerAnswers, searchServers } from './server-search.js';
import { bindOverTcp } from './tcp-binding.js';

export interface DiscoveryOptions extends SearchOptions {
  readonly net: Net;
  readonly random: Random;
  /** The port to ask about, 1 to 65535, and the interface's address if it matters. All servers are asked from there. */
  readonly local: { readonly port: number; readonly address?: string };
}

/** How the internet sees a local TCP port. */
export interface ExternalAddress extends ServerAnswers {
  /** Closes the connections to the servers. While they are open, the NAT keeps the mapping. Idempotent. */
  close(): void;
}

/**
 * Asks several STUN servers at once over TCP, from one local port. Resolves soon after the first answer, or when all have failed.
 * @throws only the signal's reason, and leaves no connection open then
 */
export async function discoverExternalAddress(options: DiscoveryOptions): Promise<ExternalAddress> {
  const { net, clock, random, local } = options;
  const streams = new Set<ByteStream>();
  const close = () => {
    for (const stream of streams) stream.destroy();
    streams.clear();
  };
  try {
    const answers = await searchServers(options, async (remote, { timeoutMs, signal }) => {
      const stream = await net.connectTcp({ remote, local, sharePort: net.capabilities.sharedPort, timeoutMs, signal });
      // A connection that breaks later is of no interest: it only kept a mapping alive.
      stream.on('error', () => {});
      stream.once('close', () => streams.delete(stream));
      streams.add(stream);
      signal.addEventListener('abort', () => stream.destroy(), { once: true });
      return bindOverTcp(stream, { clock, random, timeoutMs, signal });
    });
    return { ...answers, close };
  } catch (error) {
    close();
    throw error;
  }
}
