import { untilAborted } from '../../core/aborted.js';
import { StrategyError } from '../../core/errors.js';
import type { Path } from '../../core/strategy.js';
import type { RelayClient } from '../../relay/client.js';
import { DatagramTerms } from './datagram-terms.js';
import { maxSteps } from './messages.js';
import { mayBePlace, permissible } from './peer-address.js';
import type { Held, Relay, RelayAddress, RelayedStream } from './relay-source.js';
import { bindLives, inStep, type StepOptions, sealedPath } from './step.js';
import { streamEnds } from './turn/stream.js';
import { TwoWayStream } from './two-way-stream.js';

/**
 * A way's part in a step at this end: it opens a place, or connects to the peer's. Of two relays in a row, the end that asks both opens a place
 * at the nearer, and one at the farther that leads to it; where each asks its own, that which connects has its relay lead it to the place.
 */
export type Leg =
  | { readonly relay: Relay /** Addresses of the peer. */; readonly peers: readonly string[]; readonly farther?: Relay }
  | { readonly server: RelayAddress; readonly over?: Relay };

interface SeveralOptions extends StepOptions {
  /** For what the controlling end sends, or for both directions. */
  readonly out: Leg;
  /** For what comes back to it. */
  readonly back?: Leg | undefined;
  /** What the relays are called, for people. */
  readonly route: string;
  readonly client: RelayClient;
}

/** A stream over one way, and what it hangs on. */
interface OpenLeg extends Held {
  readonly stream: RelayedStream;
}

/**
 * Goes over two relays in a row, or out on one way and back on another. All are of our own kind: who comes to a place has its token from
 * the other end.
 * @throws StrategyError; the peer has been told and all places are given back
 */
export async function stepOverSeveral(options: SeveralOptions): Promise<Path> {
  const { step, context, out, back, route, released } = options;
  return inStep(options, async (outer) => {
    const over = new AbortController();
    const signal = AbortSignal.any([outer, over.signal]);
    const opening = [openLeg(out, step, options, signal), ...(back ? [openLeg(back, step + maxSteps, options, signal)] : [])];
    try {
      const legs = await Promise.all(opening);
      const [outgoing, incoming = outgoing] = context.role === 'controlling' ? legs : legs.toReversed();
      if (!outgoing || !incoming) throw new StrategyError('RELAY_LOST', 'A way over a relay is gone.');
      const [there, home] = [outgoing.stream.stream, incoming.stream.stream];
      const stream = there === home ? there : new TwoWayStream(there, home);
      await context.prove(stream, { speakFirst: context.role === 'controlling' });
      const path = await sealedPath({ ...outgoing.stream, stream }, route, options, signal);
      for (const leg of legs) bindLives(path, leg, released);
      return path;
    } catch (error) {
      over.abort(error);
      // One that was opened for nothing, now or yet.
      for (const leg of opening) leg.then((opened) => released(opened.close())).catch(() => {});
      throw error;
    }
  });
}

async function openLeg(leg: Leg, number: number, options: SeveralOptions, signal: AbortSignal): Promise<OpenLeg> {
  if ('server' in leg) return connectLeg(leg, number, options, signal);
  const { context, released } = options;
  let settle: (stream: RelayedStream) => void = () => {};
  const came = new Promise<RelayedStream>((resolve) => {
    settle = resolve;
  });
  const held: Held[] = [];
  const open = async (relay: Relay, more: Pick<Parameters<Relay['open']>[0], 'onStream' | 'toward'>) => {
    const terms = new DatagramTerms(context.secret, number);
    const { endpoint, protocol, token, ...place } = await relay.open({ peers: permissible(leg.peers), terms, signal, ...more });
    held.push(place);
    if (token === undefined) throw notOurs();
    return { ...endpoint, protocol, token, lost: place.lost };
  };
  const close = async () => void (await Promise.all(held.map((place) => place.close())));
  try {
    const nearer = await open(leg.relay, { onStream: (stream) => settle(stream) });
    const place = leg.farther ? await open(leg.farther, { onStream: ({ stream }) => stream.destroy(), toward: nearer }) : nearer;
    const { lost: _, ...told } = place;
    await context.channel.send({ type: 'place', step: number, ...told });
    const lost = AbortSignal.any(held.map((one) => one.lost));
    const stream = await Promise.race([came, untilAborted(lost), untilAborted(signal)]);
    return { stream, lost, close };
  } catch (error) {
    released(close());
    throw error;
  }
}

async function connectLeg(
  { server, over }: Extract<Leg, { server: RelayAddress }>,
  number: number,
  { inbox, client, context, released }: SeveralOptions,
  signal: AbortSignal,
): Promise<OpenLeg> {
  const place = await Promise.race([inbox.take('place', number), untilAborted(signal)]);
  if (!mayBePlace(place, server.address)) {
    throw new StrategyError('CANDIDATES_INVALID', 'The peer named a relayed address that leads nowhere on the internet.');
  }
  const { address, port, token } = place;
  if (token === undefined) throw notOurs();
  const terms = new DatagramTerms(context.secret, number);
  const onStream = ({ stream }: RelayedStream) => stream.destroy();
  const own = await over?.open({ peers: [], terms, onStream, toward: { address, port, token }, signal });
  try {
    if (own && own.token === undefined) throw notOurs();
    const stream = await client.connect(own?.endpoint ?? place, own?.token ?? token, signal);
    return {
      stream: { stream, ...streamEnds(stream) },
      lost: own?.lost ?? new AbortController().signal,
      close: async () => {
        stream.destroy();
        await own?.close();
      },
    };
  } catch (error) {
    if (own) released(own.close());
    throw error;
  }
}

function notOurs(): StrategyError {
  return new StrategyError(
    'RELAY_MESSAGE_INVALID',
    'Several relays carry a path only where all are of our own kind, and one is not.',
  );
}
