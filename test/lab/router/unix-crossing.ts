import net from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Two unix sockets, one for each of two routers to dial: what is dialled at one goes on at the other. */
export class UnixCrossing {
  readonly paths: readonly [string, string];
  /** Connections that were made at both ends. */
  crossed = 0;
  private readonly waiting: [net.Socket[], net.Socket[]] = [[], []];
  private readonly sockets = new Set<net.Socket>();

  private constructor(folder: string) {
    this.paths = [join(folder, 'left.sock'), join(folder, 'right.sock')];
  }

  static async open(folder: string): Promise<UnixCrossing> {
    const crossing = new UnixCrossing(folder);
    for (const side of [0, 1] as const) {
      const server = net.createServer((socket) => crossing.accept(socket, side));
      await new Promise<void>((resolve) => server.listen(crossing.paths[side], resolve));
      onTestFinished(() => {
        crossing.drop();
        server.close();
      });
    }
    return crossing;
  }

  /** Breaks what is connected; the sockets go on listening. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: net.Socket, side: 0 | 1): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      for (const queue of this.waiting) if (queue.includes(socket)) queue.splice(queue.indexOf(socket), 1);
    });
    const other = this.waiting[side === 0 ? 1 : 0].shift();
    if (!other) {
      this.waiting[side].push(socket);
      return;
    }
    this.crossed++;
    socket.pipe(other).pipe(socket);
    socket.on('close', () => other.destroy());
    other.on('close', () => socket.destroy());
  }
}
