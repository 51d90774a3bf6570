import { untilAborted } from '../../core/aborted.js';
import { StrategyError } from '../../core/errors.js';
import type { Path } from '../../core/strategy.js';
import { DatagramTerms } from './datagram-terms.js';
import { maxSteps } from './messages.js';
import { mayBePlace, permissible } from './peer-address.js';
import type { Held, Relay, RelayAddress, RelayedStream } from './relay-source.js';
import { bindLives, inStep, type StepOptions, sealedPath } from './step.js';
import { streamEnds } from './turn/stream.js';
import { TwoWayStream } from './two-way-stream.js';
import type { RelayClient } from './volunteer/relay-client.js';

/** One relay's part in a step: this end opens a place there, or connects to the peer's. */
export type Leg =
  | { readonly relay: Relay; readonly name: string /** Addresses of the peer. */; readonly peers: readonly string[] }
  | { readonly server: RelayAddress; readonly name: string };

interface SplitOptions extends StepOptions {
  /** For what the controlling end sends, and for what comes back to it. */
  readonly out: Leg;
  readonly back: Leg;
  readonly client: RelayClient;
}

/** A stream through one relay, and what it hangs on. */
interface OpenLeg extends Held {
  readonly stream: RelayedStream;
}

/**
 * Goes out over one relay and comes back over another. Both are of our own kind: who comes to a place has its token from the other end.
 * @throws StrategyError; the peer has been told and both places are given back
 */
export async function splitStep(options: SplitOptions): Promise<Path> {
  const { step, context, out, back, released } = options;
  return inStep(options, async (outer) => {
    const over = new AbortController();
    const signal = AbortSignal.any([outer, over.signal]);
    const opening = [openLeg(out, step, options, signal), openLeg(back, step + maxSteps, options, signal)];
    let path: Path | undefined;
    try {
      const [there, home] = await Promise.all(opening);
      if (!there || !home) throw new StrategyError('RELAY_LOST', 'A way over a relay is gone.');
      const [outgoing, incoming] = context.role === 'controlling' ? [there, home] : [home, there];
      const stream = new TwoWayStream(outgoing.stream.stream, incoming.stream.stream);
      await context.prove(stream, { speakFirst: context.role === 'controlling' });
      const names = context.role === 'controlling' ? [out.name, back.name] : [back.name, out.name];
      const relay = `${names[0]} out, ${names[1]} back`;
      path = await sealedPath({ ...outgoing.stream, stream }, relay, options, signal);
      for (const leg of [there, home]) bindLives(path, leg, released);
      return path;
    } catch (error) {
      over.abort(error);
      // One that was opened for nothing, now or yet.
      for (const leg of opening) leg.then((opened) => released(opened.close())).catch(() => {});
      throw error;
    }
  });
}

async function openLeg(leg: Leg, number: number, options: SplitOptions, signal: AbortSignal): Promise<OpenLeg> {
  if ('server' in leg) return connectLeg(leg.server, number, options, signal);
  const { context, released } = options;
  let settle: (stream: RelayedStream) => void = () => {};
  const came = new Promise<RelayedStream>((resolve) => {
    settle = resolve;
  });
  const terms = new DatagramTerms(context.secret, number);
  const place = await leg.relay.open({ peers: permissible(leg.peers), terms, onStream: (stream) => settle(stream), signal });
  try {
    const { endpoint, protocol, token } = place;
    if (token === undefined) throw notOurs();
    await context.channel.send({ type: 'place', step: number, ...endpoint, protocol, token });
    const stream = await Promise.race([came, untilAborted(place.lost), untilAborted(signal)]);
    return { stream, lost: place.lost, close: () => place.close() };
  } catch (error) {
    released(place.close());
    throw error;
  }
}

async function connectLeg(server: RelayAddress, number: number, options: SplitOptions, signal: AbortSignal): Promise<OpenLeg> {
  const { inbox, client } = options;
  const place = await Promise.race([inbox.take('place', number), untilAborted(signal)]);
  if (!mayBePlace(place, server.address)) {
    throw new StrategyError('CANDIDATES_INVALID', 'The peer named a relayed address that leads nowhere on the internet.');
  }
  if (place.token === undefined) throw notOurs();
  const stream = await client.connect(place, place.token, signal);
  return {
    stream: { stream, ...streamEnds(stream) },
    lost: new AbortController().signal,
    close: async () => void stream.destroy(),
  };
}

function notOurs(): StrategyError {
  return new StrategyError('RELAY_MESSAGE_INVALID', 'One way alone is carried by relays of our own kind, and this is none.');
}
