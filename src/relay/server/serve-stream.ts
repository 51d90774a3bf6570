import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { Endpoint } from '../../core/net.js';
import type { Place } from '../client.js';
import { encodeMessage, readMessage, refusal, requestSchema } from '../messages.js';
import { keyOfToken } from '../token.js';
import type { YamuxSession } from '../yamux/session.js';
import type { YamuxStream } from '../yamux/stream.js';
import type { Allowance } from './allowance.js';
import { countTime } from './circuit-time.js';
import type { OtherRelays } from './other-relays.js';
import type { Reservation, Reservations } from './reservations.js';
import { splice } from './splice.js';

/** How long a new stream has to say what it wants, in milliseconds. */
const requestTimeoutMs = 5000;

export interface StreamServices {
  /** The session that the stream belongs to. */
  readonly session: YamuxSession;
  /** Who is at its other end; undefined for one who may only connect. */
  readonly owner: string | undefined;
  readonly reservations: Reservations;
  readonly allowance: Allowance;
  readonly others: OtherRelays;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with the code of each refusal. */
  readonly refused: (code: string) => void;
}

/** Serves one stream that a client opened, to its end. Never rejects. */
export async function serveStream(stream: YamuxStream, services: StreamServices): Promise<void> {
  const { session, clock, log } = services;
  try {
    const request = await withDeadline(readMessage(stream, requestSchema, session.closed), {
      clock,
      timeoutMs: requestTimeoutMs,
      expired: () => new Error('nothing was asked for'),
    });
    if (request.type === 'reserve') await serveReservation(stream, request.toward, services);
    else if (request.type === 'survey') await serveSurvey(stream, request.relays, services);
    else if (request.type === 'connect') await serveCircuit(stream, request.token, services);
    else stream.destroy();
  } catch (error) {
    const { code, message } = describeError(error);
    log.debug('relay.stream-ended', { owner: services.owner, code, message });
    if (error instanceof StrategyError) {
      if (!stream.destroyed) services.refused(code);
      refuse(stream, error, clock);
    } else stream.destroy();
  }
}

/** Says why, and does not wait for long until the other end has read it. */
function refuse(stream: YamuxStream, error: StrategyError, clock: Clock): void {
  if (stream.destroyed) return;
  stream.end(encodeMessage(refusal(error)));
  stream.resume();
  const patience = clock.setTimer(requestTimeoutMs, () => stream.destroy());
  stream.once('close', () => patience.cancel());
}

/** Holds a place until its stream ends, or it does. @throws StrategyError why it was refused, or ended */
async function serveReservation(stream: YamuxStream, toward: Place | undefined, services: StreamServices): Promise<void> {
  const { session, reservations, allowance, others, log, clock } = services;
  const owner = memberOf(services);
  const reservation = reservations.reserve(owner, session, toward);
  countTime(reservation, allowance, clock);
  log.info('relay.reserved', { owner, circuits: reservations.count });
  const startedAt = clock.now();
  try {
    const { token, lifetimeMs } = reservation;
    // Where no relay answers, none is connected to.
    if (toward) await others.delaysTo(toward, owner);
    const granted = { type: 'reserved', token, lifetimeS: Math.max(1, Math.floor(lifetimeMs / 1000)) } as const;
    stream.write(encodeMessage(toward ? { ...granted, extended: true } : granted));
    for (;;) {
      const { type } = await readMessage(stream, requestSchema, reservation.ended);
      if (type !== 'refresh') throw new Error(`a reservation was sent ${type}`);
      reservation.refresh();
    }
  } finally {
    reservation.end(new StrategyError('RELAY_LOST', 'The reservation was given back.'));
    log.info('relay.released', { owner, circuits: reservations.count, durationMs: clock.now() - startedAt });
  }
}

/** Says how far other relays are, as far as they answer. @throws StrategyError why it was refused */
async function serveSurvey(stream: YamuxStream, relays: readonly Endpoint[], services: StreamServices): Promise<void> {
  const { others, log } = services;
  const owner = memberOf(services);
  const delays = await Promise.all(
    relays.map(async (relay, index) => {
      try {
        const { outMs, inMs } = await others.delaysTo(relay, owner);
        return [{ index, outMs, inMs }];
      } catch (error) {
        log.debug('relay.other-unknown', { owner, ...describeError(error) });
        return [];
      }
    }),
  );
  stream.end(encodeMessage({ type: 'surveyed', delays: delays.flat() }));
  stream.resume();
}

/** Who asks, if it may ask for anything now. @throws StrategyError RELAY_NOT_ALLOWED, RELAY_BYTES_SPENT, RELAY_TIME_SPENT */
function memberOf({ owner, allowance }: StreamServices): string {
  if (owner === undefined) throw new StrategyError('RELAY_NOT_ALLOWED', 'Only who has a ticket may ask for this.');
  allowance.check(owner);
  return owner;
}

/** Joins a stream with one to the end that reserved a place. @throws StrategyError why it was refused */
async function serveCircuit(stream: YamuxStream, token: string, services: StreamServices): Promise<void> {
  const { reservations, allowance, log } = services;
  const reservation = reservations.find(keyOfToken(token).identity);
  if (!reservation) throw new StrategyError('RELAY_PLACE_UNKNOWN', 'There is no such place, or no longer.');
  if (reservation.taken) throw new StrategyError('RELAY_PLACE_TAKEN', 'Another circuit leads to this place.');
  const { owner, ended } = reservation;
  const spend = (bytes: number) => allowance.spend(owner, bytes, ended);
  reservation.taken = true;
  try {
    const other = await openTo(reservation, services);
    stream.write(encodeMessage({ type: 'connected' }));
    const cut = () => stream.destroy(ended.reason as Error);
    ended.addEventListener('abort', cut, { once: true });
    try {
      await splice(stream, other, spend);
    } catch (error) {
      log.debug('relay.circuit-broken', { owner, ...describeError(error) });
      // Who reserved the place is told why; its circuit is cut already.
      if (error instanceof StrategyError) reservation.end(error);
    } finally {
      ended.removeEventListener('abort', cut);
    }
  } finally {
    reservation.taken = false;
  }
}

async function openTo({ session, identity, toward, ended }: Reservation, { others }: StreamServices): Promise<Duplex> {
  if (toward) return others.connect(toward, ended);
  try {
    const stream = session.open();
    stream.write(encodeMessage({ type: 'circuit', place: identity }));
    return stream;
  } catch (error) {
    throw new StrategyError('RELAY_PLACE_UNKNOWN', 'Who reserved this place is gone.', { cause: error });
  }
}
