import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Net } from 'ratatoskr';

/** A server on loopback that a test speaks for. */
export interface ScriptedServer {
  readonly port: number;
  /** Everything that clients have sent. */
  heard(): Buffer;
  close(): Promise<void>;
}

/** @param onData told all that one client has sent so far, whenever there is more */
export async function scriptedServer(onData: (sofar: Buffer, socket: Socket) => void): Promise<ScriptedServer> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const own: Buffer[] = [];
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      own.push(chunk);
      onData(Buffer.concat(own), socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => Buffer.concat(chunks),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** As much of the system's sockets as a way through a proxy needs. */
export const loopbackNet = {
  async connectTcp({ remote }) {
    const socket = connect(remote.port, remote.address);
    await once(socket, 'connect');
    return socket;
  },
  resolve: async (host) => [host],
  tune: () => [],
} satisfies Partial<Net> as unknown as Net;

export const machineClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
