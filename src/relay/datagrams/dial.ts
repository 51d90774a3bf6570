import { isIPv6 } from 'node:net';
import { type Clock, every } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import type { ByteStream, Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { ReliableUdp } from '../../core/reliable-udp.js';
import { type SealingKey, sealAsClient } from '../../core/sealing.js';
import type { OpenedToRelay } from '../connect.js';
import { decodeCookie, encodeHello, encodeOpen, nonceLength, streamTerms } from './messages.js';

/** How often a datagram is sent again that may be lost, in milliseconds. */
const repeatMs = 200;
/** How long a relay may take to answer the first one, in milliseconds. */
const cookieTimeoutMs = 1500;

export interface DatagramDialOptions {
  readonly relay: Endpoint;
  readonly key: SealingKey;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Opens a sealed stream to a relay over UDP. @throws Error when it does not answer, or does not know the key; nothing is left behind then */
export async function dialByDatagrams(
  { reliableUdp, clock, random }: { readonly reliableUdp: ReliableUdp; readonly clock: Clock; readonly random: Random },
  { relay, key, timeoutMs, signal }: DatagramDialOptions,
): Promise<OpenedToRelay> {
  const nonce = random.bytes(nonceLength);
  let heard: (cookie: Buffer) => void = () => {};
  const answer = new Promise<Buffer>((resolve) => {
    heard = resolve;
  });
  const socket = await reliableUdp.bind({
    local: { address: isIPv6(relay.address) ? '::' : '0.0.0.0', port: 0 },
    onMessage: (data, from) => {
      const cookie = from.address === relay.address && from.port === relay.port ? decodeCookie(data, nonce) : undefined;
      if (cookie) heard(cookie);
    },
  });
  try {
    const expired = () => new Error(`no answer over UDP within ${cookieTimeoutMs / 1000} s`);
    const cookie = await repeating(
      clock,
      () => socket.send(encodeHello(nonce), relay),
      () => withDeadline(answer, { clock, timeoutMs: cookieTimeoutMs, signal, expired }),
    );
    const reliable = socket.open({ remote: relay, ...streamTerms({ nonce, cookie, key: key.key }, 'client') });
    const open = encodeOpen(nonce, cookie, key);
    const sealed = await repeating(
      clock,
      () => socket.send(open, relay),
      () => sealAsClient(reliable, key, { clock, signal, timeoutMs }),
    );
    reliable.once('close', () => void socket.close());
    const { address: localAddress, port: localPort } = socket.local;
    const stream: ByteStream = Object.assign(reliable, {
      ...{ localAddress, localPort, remoteAddress: relay.address, remotePort: relay.port },
    });
    return { stream, sealed };
  } catch (error) {
    await socket.close();
    throw error;
  }
}

/** Does something again and again until what it is for has come. */
async function repeating<T>(clock: Clock, send: () => void, until: () => Promise<T>): Promise<T> {
  send();
  const timer = every(clock, repeatMs, send);
  try {
    return await until();
  } finally {
    timer.cancel();
  }
}
