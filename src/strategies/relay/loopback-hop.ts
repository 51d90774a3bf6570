import type { Endpoint, Net } from '../../core/net.js';

/** Any datagram up to this many bytes passes a link of 1500: IPv6, UDP and ChannelData take the rest. Longer ones are lost, so
 * that whoever sends them finds the size that fits. */
const maxDatagramLength = 1500 - 40 - 8 - 4;

/** A socket of its own for one remote that is reached by other means than a socket. */
export interface LoopbackHop {
  /** Stands for the remote. */
  readonly endpoint: Endpoint;
  /** Hands on what the remote sent. */
  deliver(data: Buffer): void;
  close(): Promise<void>;
}

/**
 * Opens a hop on loopback. The reliability layer has its datagrams sent by the system, so what goes to a relay in messages must
 * pass a socket first.
 * @param client the only one whose datagrams are taken
 */
export async function openLoopbackHop(
  net: Net,
  { client, send }: { readonly client: Endpoint; readonly send: (data: Buffer) => void },
): Promise<LoopbackHop> {
  const socket = await net.bindUdp({
    local: { address: '127.0.0.1', port: 0 },
    onMessage: (data, from) => {
      const known = from.address === client.address && from.port === client.port;
      if (known && data.length <= maxDatagramLength) send(data);
    },
  });
  return {
    endpoint: socket.local,
    deliver: (data) => socket.send(data, client),
    close: () => socket.close(),
  };
}
