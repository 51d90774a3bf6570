import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../host.js';

const program = fileURLToPath(new URL('dial.mjs', import.meta.url));
let strangers = 0;

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Source address. @default the system’s choice */
  readonly localAddress?: string;
}

/** Somebody at a host of the laboratory whose connections a test holds in its own hands. */
export class Stranger {
  private constructor(private readonly socket: string) {}

  static async at(host: Host): Promise<Stranger> {
    const name = `stranger-${++strangers}.sock`;
    const dialler = host.spawn([process.execPath, program, join(host.insideFolder, name)], { name: 'stranger' });
    await dialler.line('sign of readiness', (line) => line === 'ready' || undefined);
    return new Stranger(join(host.folder, name));
  }

  /** Connects over TCP. @returns the stream, which nobody has read yet. @throws Error whose message is the system's code */
  async dial(target: Target): Promise<Socket> {
    const socket = connect(this.socket);
    socket.on('error', () => undefined);
    socket.write(`${JSON.stringify(target)}\n`);
    const outcome = await firstLine(socket);
    if (outcome === 'ok') return socket;
    socket.destroy();
    throw new Error(outcome);
  }
}

/** Reads no byte more than the line. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let line = '';
    const read = () => {
      for (let byte = socket.read(1) as Buffer | null; byte !== null; byte = socket.read(1) as Buffer | null) {
        if (byte[0] !== 0x0a) {
          line += byte.toString();
          continue;
        }
        socket.off('readable', read);
        socket.off('close', close);
        resolve(line);
        return;
      }
    };
    const close = () => resolve(line || 'closed');
    socket.on('readable', read);
    socket.on('close', close);
  });
}

/** Everything that still comes, once the other end has closed or reset the connection. */
export async function remainderOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => socket.destroy());
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}
