import type { Clock } from '../../core/clock.js';
import { formatEndpoint } from '../../core/format-endpoint.js';
import type { Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { ReliableStream, ReliableUdp, ReliableUdpSocket } from '../../core/reliable-udp.js';
import { TokenBucket } from '../../core/token-bucket.js';
import { Cookies } from './cookies.js';
import { decodeHello, decodeOpen, encodeCookie, streamTerms } from './messages.js';

/** Datagrams that are looked at in all, for their sources may be forged. */
const rate = { perSecond: 1000, burst: 2000 };

export interface DatagramDoorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The key of who shows that identity, of those who may come in. */
  readonly keyOf: (identity: string) => Uint8Array | undefined;
  /** May one more come in from there? */
  readonly hasRoom: (remote: Endpoint) => boolean;
  /** Somebody who has a key is there, and receives at that address. TLS is still to come. */
  readonly onStream: (stream: ReliableStream) => void;
  /** The answer to any other datagram, STUN for instance. */
  readonly answer: (data: Buffer, local: Endpoint, remote: Endpoint) => Uint8Array | undefined;
}

/**
 * Where a relay is reached over UDP. Until somebody has shown that it receives at its address, and that it has a key, it costs a hash and no
 * memory, and gets no more than it has sent.
 */
export class DatagramDoor {
  private readonly cookies: Cookies;
  private readonly bucket: TokenBucket;
  /** Streams that are open, by the remote and the nonce that they were opened with: an open comes until it is answered. */
  private readonly opened = new Set<string>();

  constructor(private readonly options: DatagramDoorOptions) {
    const { clock, random } = options;
    this.cookies = new Cookies(clock, random);
    this.bucket = new TokenBucket(clock, rate);
  }

  /** @param reliableUdp undefined where nothing makes streams of datagrams: then they are answered at the most @throws the system's error */
  async listen(
    net: Pick<Net, 'bindUdp'>,
    reliableUdp: ReliableUdp | undefined,
    local: Endpoint,
  ): Promise<{ close(): Promise<void> }> {
    const onMessage = (data: Buffer, remote: Endpoint) => {
      if (remote.port === 0 || !this.bucket.take()) return;
      const answer = this.receive(data, streams, remote) ?? this.options.answer(data, socket.local, remote);
      if (answer) socket.send(answer, remote);
    };
    const streams = await reliableUdp?.bind({ local, onMessage });
    const socket = streams ?? (await net.bindUdp({ local, onMessage }));
    return socket;
  }

  private receive(data: Buffer, socket: ReliableUdpSocket | undefined, remote: Endpoint): Uint8Array | undefined {
    if (!socket) return undefined;
    const nonce = decodeHello(data);
    if (nonce) return encodeCookie(nonce, this.cookies.make(remote, nonce));
    this.admit(data, socket, remote);
    return undefined;
  }

  private admit(data: Buffer, socket: ReliableUdpSocket, remote: Endpoint): void {
    const open = decodeOpen(data);
    if (!open || !this.cookies.check(open.cookie, remote, open.nonce)) return;
    const name = `${formatEndpoint(remote)} ${open.nonce.toString('hex')}`;
    const key = this.options.keyOf(open.identity);
    if (this.opened.has(name) || !key || !open.isBy(key) || !this.options.hasRoom(remote)) return;
    let stream: ReliableStream;
    try {
      stream = socket.open({ remote, ...streamTerms({ ...open, key }, 'relay') });
    } catch {
      // The id is taken: the client begins anew, with another nonce.
      return;
    }
    this.opened.add(name);
    stream.on('error', () => {});
    stream.once('close', () => this.opened.delete(name));
    this.options.onStream(stream);
  }
}
