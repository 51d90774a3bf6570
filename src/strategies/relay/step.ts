import { untilAborted } from '../../core/aborted.js';
import { sleep } from '../../core/clock.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { ByteStream, Endpoint } from '../../core/net.js';
import { seal } from '../../core/sealing.js';
import { type AttemptContext, asPath, type Path, type StrategyServices } from '../../core/strategy.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { tunePath } from '../../discovery/tcp-path.js';
import type { RelayClient } from '../../relay/client.js';
import { approach } from './datagram-approach.js';
import { DatagramTerms } from './datagram-terms.js';
import type { Inbox } from './inbox.js';
import { mayBePlace, permissible } from './peer-address.js';
import type { Held, Relay, RelayAddress, RelayedPlace, RelayedStream } from './relay-source.js';
import { streamEnds } from './turn/stream.js';

/** How long both ends stay with one relay, in milliseconds. */
const stepTimeoutMs = 7000;
/** How long one connection to the relayed address may take, and the pause before the next, in milliseconds. */
const connectTimeoutMs = 3000;
const pauseMs = 250;

export interface StepOptions {
  readonly step: number;
  readonly context: AttemptContext;
  readonly inbox: Inbox;
  readonly services: StrategyServices;
  readonly signal: AbortSignal;
  /** Called with the end of giving something back, as soon as that begins. */
  readonly released: (done: Promise<void>) => void;
}

/** This end opens a place at the relay and waits there. @throws StrategyError; the peer has been told and the place is given back */
export async function openStep(
  options: StepOptions & {
    readonly relay: Relay;
    /** Addresses that the relay sees the peer at. */
    readonly peers: readonly string[];
  },
): Promise<Path> {
  const { step, context, services, relay, peers, released } = options;
  return inStep(options, async (signal) => {
    let settle: (stream: RelayedStream) => void = () => {};
    const proven = new Promise<RelayedStream>((resolve) => {
      settle = resolve;
    });
    const onStream = (relayed: RelayedStream) => {
      // Whoever came in first may be a stranger; the peer may still come.
      context.prove(relayed.stream, { speakFirst: false }).then(
        () => settle(relayed),
        () => {},
      );
    };
    // Joining a connection goes on while the step does, and a proven one outlives it.
    const terms = new DatagramTerms(context.secret, step);
    const place = await relay.open({ peers: permissible(peers), terms, onStream, signal });
    let path: Path | undefined;
    try {
      const { endpoint, protocol, token } = place;
      await context.channel.send({ type: 'place', step, ...endpoint, protocol, ...(token === undefined ? {} : { token }) });
      void admitApproach(place, options, signal);
      const stream = await Promise.race([proven, untilAborted(place.lost), untilAborted(signal)]);
      path = await sealedPath(stream, relay.name, options, signal);
    } finally {
      if (path) bindLives(path, place, released);
      else released(place.close());
    }
    services.log.debug('relay.opened', { relay: relay.name, place: formatEndpoint(place.endpoint), protocol: place.protocol });
    return path;
  });
}

/** The peer may come from a relay of its own. Never rejects. */
async function admitApproach(place: RelayedPlace, { inbox, step, services }: StepOptions, signal: AbortSignal): Promise<void> {
  try {
    const { address } = await Promise.race([inbox.take('approach', step), untilAborted(signal)]);
    for (const one of permissible([address])) await place.admit(one, signal);
  } catch (error) {
    if (!signal.aborted) services.log.debug('relay.not-admitted', describeError(error));
  }
}

/** This end connects to the place that the peer opened. @throws StrategyError; the peer has been told */
export async function connectStep(
  options: StepOptions & {
    readonly server: RelayAddress;
    /** A relay of this end's own, for where datagrams pass on no other way. */
    readonly own: Relay | undefined;
    readonly client: RelayClient;
  },
): Promise<Path> {
  const { inbox, step, server } = options;
  return inStep(options, async (signal) => {
    const place = await Promise.race([inbox.take('place', step), untilAborted(signal)]);
    if (!mayBePlace(place, server.address)) {
      throw new StrategyError('CANDIDATES_INVALID', 'The peer named a relayed address that leads nowhere on the internet.');
    }
    return place.protocol === 'tcp' ? connectTcp(place, options, signal) : connectUdp(place, options, signal);
  });
}

type StreamPlace = Endpoint & { readonly token?: string | undefined };

async function connectTcp(
  place: StreamPlace,
  options: StepOptions & { readonly server: RelayAddress; readonly client: RelayClient },
  signal: AbortSignal,
): Promise<Path> {
  const { context, services, server } = options;
  let last = 'no connection';
  // The relay drops a connection that comes from an address it was not told; the next may leave through another one.
  for (;;) {
    try {
      const stream = await connectTo(place, options, signal);
      await context.prove(stream, { speakFirst: true });
      return await sealedPath({ stream, ...streamEnds(stream) }, formatEndpoint(server), options, signal);
    } catch (error) {
      last = describeError(error).message;
      if (signal.aborted) throw withDetail(signal.reason, formatEndpoint(place), last);
      await sleep(services.clock, pauseMs, signal).catch(() => {});
    }
  }
}

async function connectTo(
  { address, port, token }: StreamPlace,
  { services: { net }, client }: Pick<StepOptions, 'services'> & { readonly client: RelayClient },
  signal: AbortSignal,
): Promise<ByteStream> {
  if (token !== undefined) return client.connect({ address, port }, token, signal);
  const stream = await net.connectTcp({ remote: { address, port }, timeoutMs: connectTimeoutMs, signal });
  tunePath(net, stream);
  return stream;
}

async function connectUdp(
  { address, port }: Endpoint,
  options: StepOptions & { readonly server: RelayAddress; readonly own: Relay | undefined },
  signal: AbortSignal,
): Promise<Path> {
  const { step, context, services, own, released, server } = options;
  const way = await approach({
    place: { address, port },
    terms: new DatagramTerms(context.secret, step),
    own,
    announce: (from) => context.channel.send({ type: 'approach', step, address: from }),
    prove: (stream, how) => context.prove(stream, how),
    services,
    signal,
    released,
  });
  let path: Path | undefined;
  try {
    path = await sealedPath(way.stream, formatEndpoint(server), options, signal);
    return path;
  } finally {
    if (path) bindLives(path, way, released);
    else released(way.close());
  }
}

/** Runs this end's part, no longer than the step may take and the peer takes part, and tells the peer of its failure. */
export async function inStep(
  { step, context, inbox, services, signal: outer }: StepOptions,
  run: (signal: AbortSignal) => Promise<Path>,
): Promise<Path> {
  const over = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  const timer = services.clock.setTimer(stepTimeoutMs, () =>
    over.abort(new StrategyError('RELAY_TIMEOUT', `The two ends did not meet at the relay within ${stepTimeoutMs / 1000} s.`)),
  );
  let toldByPeer = false;
  inbox.take('failed', step).then(
    ({ code, message }) => {
      toldByPeer = true;
      over.abort(new StrategyError('PEER_ENDED', `The peer: ${message} (${code})`));
    },
    // The end of the channel aborts the attempt.
    () => {},
  );
  try {
    return await run(signal);
  } catch (error) {
    outer.throwIfAborted();
    const failure = signal.aborted && !(error instanceof StrategyError) ? (signal.reason as Error) : error;
    const { code, message } = describeError(failure);
    if (!toldByPeer) await context.channel.send({ type: 'failed', step, code, message: message.slice(0, 300) });
    throw failure;
  } finally {
    timer.cancel();
  }
}

/** What a relay carries is sealed from end to end: it sees ciphertext alone. */
export async function sealedPath(
  { stream, local, remote, carrier }: RelayedStream,
  relay: string,
  { context: { secret, role }, services: { clock } }: StepOptions,
  signal: AbortSignal,
): Promise<Path> {
  const sealed = await seal(stream, { secret, role, clock, signal });
  return asPath(sealed, {
    kind: 'relayed',
    local: formatEndpoint(local),
    remote: formatEndpoint(remote),
    relay,
    ...(carrier ? { carrier } : {}),
  });
}

/** The path ends with what it goes through, which is given back when the path has ended. */
export function bindLives(path: Path, held: Held, released: (done: Promise<void>) => void): void {
  const onLost = () => path.destroy(held.lost.reason as Error);
  const onClose = () => {
    held.lost.removeEventListener('abort', onLost);
    released(held.close());
  };
  path.on('error', () => {});
  held.lost.addEventListener('abort', onLost, { once: true });
  if (path.closed) onClose();
  else path.once('close', onClose);
  if (held.lost.aborted) onLost();
}

function withDetail(reason: unknown, place: string, last: string): Error {
  if (!(reason instanceof StrategyError) || reason.code !== 'RELAY_TIMEOUT') return reason as Error;
  return new StrategyError('RELAY_TIMEOUT', `${reason.message.replace(/\.$/, '')}: ${place}, ${last.replace(/\.$/, '')}.`);
}
