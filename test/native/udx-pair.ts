import { systemClock } from '../../src/core/clock.js';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import type { OpenStreamOptions, ReliableStream, ReliableUdp, ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import { createUdx } from '../../src/native/udx/create-udx.js';

/** The reliability layer of this machine. */
function udx(): ReliableUdp {
  const created = createUdx({ clock: systemClock, random: systemRandom });
  if (!created.udp) throw new Error(created.reason);
  return created.udp;
}

export interface UdxEnd {
  readonly socket: ReliableUdpSocket;
  readonly stream: ReliableStream;
}

type Settings = Omit<Partial<OpenStreamOptions>, 'remote' | 'localId' | 'remoteId'>;

/** Of the streams at the two sides. */
export const ids = [0x1234abcd, 0xfedc4321] as const;
const key = new Uint8Array(32).fill(7);

export function bindLoopback(onMessage: (data: Buffer, remote: Endpoint) => void = () => {}): Promise<ReliableUdpSocket> {
  return udx().bind({ local: { address: '127.0.0.1', port: 0 }, onMessage });
}

/** One end of a stream; the two ends take opposite sides. */
export function openEnd(socket: ReliableUdpSocket, remote: Endpoint, side: 0 | 1, settings: Settings = {}): UdxEnd {
  const stream = socket.open({ remote, localId: ids[side], remoteId: ids[side === 0 ? 1 : 0], key, ...settings });
  return { socket, stream };
}

/** Two sockets on loopback with a stream between them. */
export async function udxPair(settings: Settings = {}): Promise<[UdxEnd, UdxEnd]> {
  const [one, other] = await Promise.all([bindLoopback(), bindLoopback()]);
  return [openEnd(one, other.local, 0, settings), openEnd(other, one.local, 1, settings)];
}
