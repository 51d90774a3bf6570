import { isIPv6 } from 'node:net';
import { sleep } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { ReliableUdp } from '../../core/reliable-udp.js';
import type { AttemptContext, StrategyServices } from '../../core/strategy.js';
import type { DatagramTerms } from './datagram-terms.js';
import type { DatagramWay, Relay } from './relay-source.js';

/** Plain UDP is alone for so long, in milliseconds, before a relay of this end's own is asked too. */
const plainHeadStartMs = 800;
/** Pause between two greetings, in milliseconds. */
const greetingMs = 150;

export interface ApproachOptions {
  readonly place: Endpoint;
  readonly terms: DatagramTerms;
  /** A relay of this end's own, should plain UDP not pass. */
  readonly own: Relay | undefined;
  /** Tells the peer an address that it must let in. */
  announce(address: string): Promise<void>;
  readonly prove: AttemptContext['prove'];
  readonly services: StrategyServices;
  readonly signal: AbortSignal;
  /** Called with the end of giving a way back, as soon as that begins. */
  readonly released: (done: Promise<void>) => void;
}

/** Comes to a place that takes datagrams, on whichever way the peer is met first. @throws StrategyError, or the signal's reason */
export async function approach(options: ApproachOptions): Promise<DatagramWay> {
  const { place, terms, own, announce, services, released } = options;
  const { reliableUdp, clock } = services;
  if (!reliableUdp) {
    throw new StrategyError('RELIABLE_UDP_MISSING', 'The relay takes datagrams, and nothing here makes a stream of them.');
  }
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const open = [
    () => plainWay(reliableUdp, place, terms),
    async () => {
      if (!own?.approach) throw new StrategyError('RELAY_NONE', 'This end has no relay of its own to come from.');
      await sleep(clock, plainHeadStartMs, signal);
      const way = await own.approach({ place, terms, signal });
      try {
        await announce(way.stream.local.address);
      } catch (error) {
        released(way.close());
        throw error;
      }
      return way;
    },
  ];
  try {
    return await Promise.any(open.map((one) => met(one, { ...options, signal })));
  } catch (error) {
    options.signal.throwIfAborted();
    throw (error as AggregateError).errors[0] as Error;
  } finally {
    over.abort(new StrategyError('PATH_SUPERSEDED', 'The peer was met on another way.'));
  }
}

/** Opens a way and greets on it until the peer has proved itself; gives it back when that fails. */
async function met(
  open: () => Promise<DatagramWay>,
  { prove, services, signal, released }: ApproachOptions,
): Promise<DatagramWay> {
  const way = await open();
  const proven = new AbortController();
  try {
    void greetAll(way, services, AbortSignal.any([signal, proven.signal]));
    signal.throwIfAborted();
    const onAbort = () => way.stream.stream.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    await prove(way.stream.stream, { speakFirst: true });
    signal.removeEventListener('abort', onAbort);
    return way;
  } catch (error) {
    released(way.close());
    throw error;
  } finally {
    proven.abort();
  }
}

async function greetAll(way: DatagramWay, { clock }: StrategyServices, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    way.greet();
    await sleep(clock, greetingMs, signal).catch(() => {});
  }
}

async function plainWay(layer: ReliableUdp, place: Endpoint, terms: DatagramTerms): Promise<DatagramWay> {
  const socket = await layer.bind({
    local: { address: isIPv6(place.address) ? '::' : '0.0.0.0', port: 0 },
    onMessage: () => {},
  });
  const stream = socket.open({ remote: place, ...terms.stream('plain', 'connector') });
  stream.on('error', () => {});
  const greeting = terms.greeting('plain');
  return {
    stream: { stream, local: socket.local, remote: place, carrier: 'udx' },
    greet: () => socket.send(greeting, place),
    lost: new AbortController().signal,
    close: () => socket.close(),
  };
}
