import net from 'node:net';

/** What it takes to a relay and back from it, in milliseconds. */
export interface FrontDelays {
  readonly toMs: number;
  readonly fromMs: number;
}

export interface DelayingFront {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Stands before a relay and holds up what passes, each direction by its own delay and each client by that of its address: lines that
 * one kernel does not have. Connecting takes no longer than without it.
 */
export async function delayingFront(
  relay: { readonly address: string; readonly port: number },
  delaysOf: (client: string) => FrontDelays,
  listen: { readonly address: string; readonly port: number } = { address: '127.0.0.1', port: 0 },
): Promise<DelayingFront> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ host: relay.address, port: relay.port, noDelay: true });
    const { toMs, fromMs } = delaysOf(client.remoteAddress ?? '');
    for (const socket of [client, upstream]) sockets.add(socket);
    holdUp(client, upstream, toMs);
    holdUp(upstream, client, fromMs);
  });
  await new Promise<void>((resolve) => server.listen(listen.port, listen.address, resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function holdUp(from: net.Socket, to: net.Socket, delayMs: number): void {
  from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
  from.on('error', () => {});
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}
