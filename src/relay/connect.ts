import type { Duplex } from 'node:stream';
import { type Clock, sleep } from '../core/clock.js';
import type { ByteStream, Endpoint, Net } from '../core/net.js';
import type { Random } from '../core/random.js';
import type { ReliableUdp } from '../core/reliable-udp.js';
import { type SealingKey, sealAsClient } from '../core/sealing.js';
import { tunePath } from '../discovery/tcp-path.js';
import { dialByDatagrams } from './datagrams/dial.js';

/** What TCP is ahead of UDP, in milliseconds: it costs both ends a tenth, so UDP is for where TCP does not pass, or much later. */
const headStartMs = 300;

/** A connection to a relay that both ends have proved themselves on. */
export interface OpenedToRelay {
  /** What it goes over. */
  readonly stream: ByteStream;
  readonly sealed: Duplex;
}

export interface RelayPlatform {
  readonly net: Pick<Net, 'connectTcp' | 'tune'>;
  readonly clock: Clock;
  readonly random: Random;
  /** What makes streams of datagrams; without it there is TCP alone. */
  readonly reliableUdp?: ReliableUdp | undefined;
}

/**
 * Connects over TCP, and over UDP where TCP has not connected after a head start or fails; the first that is through is taken.
 * @param timeoutMs of each step @throws why TCP failed, or the signal's reason; nothing is left behind then
 */
export async function openToRelay(
  platform: RelayPlatform,
  relay: Endpoint,
  key: SealingKey,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<OpenedToRelay> {
  const { net, clock, reliableUdp, random } = platform;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const connected = net.connectTcp({ remote: relay, timeoutMs, signal: until });
  const tcp = connected.then(async (stream) => {
    tunePath(net, stream);
    return { stream, sealed: await sealAsClient(stream, key, { clock, signal: until, timeoutMs }) };
  });
  if (!reliableUdp) return tcp;
  const isConnected = connected.then(
    () => true,
    () => false,
  );
  const udp = Promise.race([isConnected, sleep(clock, headStartMs, until)]).then((done) =>
    done ? tcp : dialByDatagrams({ reliableUdp, clock, random }, { relay, key, timeoutMs, signal: until }),
  );
  try {
    const first = await Promise.any([tcp, udp]);
    // Both may have come through before the other could be called off.
    for (const other of [tcp, udp]) other.then((late) => late !== first && late.sealed.destroy()).catch(() => {});
    return first;
  } catch (error) {
    signal.throwIfAborted();
    throw (error as AggregateError).errors[0];
  } finally {
    over.abort(new Error('The other transport was first.'));
  }
}
