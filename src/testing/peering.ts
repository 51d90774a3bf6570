import type { Timer } from '../core/clock.js';
import type { ByteStream, Net } from '../core/net.js';
import { addressOf } from '../core/overlay-address.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds: for a dial, for the link handshake, and until the next dial after a drop, as in yggdrasil. */
const dialTimeoutMs = 5000;
const handshakeMs = 6000;
const redialMs = 2000;

export interface PeeringOptions {
  readonly uri: string;
  /** The router's own. */
  readonly key: string;
  readonly net: Net;
  readonly clock: Pick<VirtualClock, 'now' | 'schedule'>;
}

/**
 * A peer that the router was given: dialled, and dialled again, until it is taken away. Where yggdrasil's link handshake has signed fields,
 * both ends say their key and the password; the key must be the one that the URI pins.
 */
export class Peering {
  up = false;
  remoteKey: string | undefined;
  private readonly identity: string;
  private readonly parameters: URLSearchParams;
  private readonly over = new AbortController();
  private upSince = 0;
  private lastError: string | undefined;
  private stream: ByteStream | undefined;
  private redial: Timer | undefined;

  constructor(private readonly options: PeeringOptions) {
    const [identity = '', query = ''] = options.uri.split('?');
    this.identity = identity;
    this.parameters = new URLSearchParams(query);
    void this.dial();
  }

  /** As getPeers lists it. */
  get entry(): object {
    const { up, remoteKey, lastError, stream } = this;
    return {
      remote: this.identity,
      up,
      inbound: false,
      key: remoteKey ?? '',
      ...(remoteKey ? { address: addressOf(remoteKey) } : {}),
      ...(up ? { uptime: (this.options.clock.now() - this.upSince) / 1000 } : {}),
      bytes_recvd: stream?.bytesRead ?? 0,
      bytes_sent: stream?.bytesWritten ?? 0,
      ...(lastError ? { last_error: lastError } : {}),
    };
  }

  /** Takes it away. */
  end(): void {
    this.over.abort(new Error('the peering was removed'));
    this.redial?.cancel();
    this.stream?.destroy();
    this.up = false;
  }

  private async dial(): Promise<void> {
    const { clock } = this.options;
    try {
      const stream = await this.connect();
      this.stream = stream;
      if (this.over.signal.aborted) return void stream.destroy();
      stream.once('close', () => this.lost('the link was closed'));
      this.shakeHands(stream);
    } catch (error) {
      this.lastError = (error as Error).message;
      if (!this.over.signal.aborted) this.redial = clock.schedule(redialMs, () => void this.dial());
    }
    return undefined;
  }

  private connect(): Promise<ByteStream> {
    const { net } = this.options;
    const { signal } = this.over;
    const unix = /^unix:\/\/(.+)$/.exec(this.identity)?.[1];
    if (unix !== undefined) return net.connectUnix(decodeURI(unix), { timeoutMs: dialTimeoutMs, signal });
    const tcp = /^tcp:\/\/([0-9.]+|\[[0-9a-f:]+\]):(\d+)/.exec(this.identity);
    if (!tcp?.[1]) return Promise.reject(new Error(`${this.identity} cannot be dialled`));
    const remote = { address: tcp[1].replace(/[[\]]/g, ''), port: Number(tcp[2]) };
    return net.connectTcp({ remote, timeoutMs: dialTimeoutMs, signal });
  }

  private shakeHands(stream: ByteStream): void {
    const { key, clock } = this.options;
    const password = this.parameters.get('password') ?? '';
    const pinned = this.parameters.getAll('key');
    const late = clock.schedule(handshakeMs, () => stream.destroy(new Error('the handshake took too long')));
    let received = Buffer.alloc(0);
    stream.write(encodeGreeting({ key, password }));
    stream.on('data', (chunk: Buffer) => {
      if (this.up) return;
      received = Buffer.concat([received, chunk]);
      const hello = decodeGreeting(received);
      if (!hello) return;
      late.cancel();
      if (hello.password !== password || (pinned.length > 0 && !pinned.includes(hello.key))) {
        this.lastError = 'the other end is not the peer';
        stream.destroy();
        return;
      }
      this.remoteKey = hello.key;
      this.up = true;
      this.upSince = clock.now();
    });
    stream.once('end', () => stream.destroy());
    stream.once('close', () => late.cancel());
  }

  private lost(why: string): void {
    this.up = false;
    this.remoteKey = undefined;
    this.lastError ??= why;
    if (!this.over.signal.aborted) this.redial = this.options.clock.schedule(redialMs, () => void this.dial());
  }
}

interface Greeting {
  readonly key: string;
  readonly password: string;
}

/** As yggdrasil begins a link: `meta`, a length of 16 bits, and what is so long. */
const magic = Buffer.from('meta');
const headBytes = 6;

function encodeGreeting(greeting: Greeting): Buffer {
  const body = Buffer.from(JSON.stringify(greeting));
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt16BE(body.length, magic.length);
  return Buffer.concat([head, body]);
}

/** @returns undefined while it is not complete */
function decodeGreeting(bytes: Buffer): Greeting | undefined {
  if (bytes.length < headBytes) return undefined;
  const end = headBytes + bytes.readUInt16BE(magic.length);
  return bytes.length < end ? undefined : (JSON.parse(bytes.toString('utf8', headBytes, end)) as Greeting);
}
