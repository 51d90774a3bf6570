import { setMaxListeners } from 'node:events';
import { isIPv6 } from 'node:net';
import { sleep, type Timer } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import { DelaySamples } from '../../core/routes/one-way-delay.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { StunTransactions } from '../../discovery/stun/stun-transactions.js';
import { askTimes, surveyQuestions, type TimedAnswer } from '../../discovery/stun/time-questions.js';
import { maxSeen } from './messages.js';
import type { Relay, RelayAddress, RelayFailure } from './relay-source.js';
import type { Distance } from './route-choice.js';
import type { TurnPlatform } from './turn/server.js';
import { secure } from './turn/stream.js';

/** How long a relay may take, in milliseconds, and over UDP, where an answer takes but one round trip. */
const surveyTimeoutMs = 2500;
const udpTimeoutMs = 1500;
/** Connections a survey makes: a NAT with a pool of addresses may show another one on each (RFC 4787 §4.1). */
const probes = 3;
/** What a relay may take longer than another, in milliseconds, or as long as that again. */
const leastGraceMs = 500;
/** When a relay that is met over TCP, and has not answered there, is asked over UDP, in milliseconds. */
const otherWayMs = leastGraceMs / 2;
/** How long it may take there, in milliseconds: most of those that fail over TCP are dead, and not worth a long wait. */
const otherWayTimeoutMs = 750;
/** What all answers over a connection may take beyond its two round trips, in milliseconds, before one over UDP counts in their place. */
const streamGraceMs = 150;

/** What one end finds out about a relay before it is used. */
export interface Survey extends Distance {
  /** Addresses that the relay sees this end at. */
  readonly seen: readonly string[];
}

/**
 * Asks a relay how far it is and where it sees us: STUN Binding (RFC 8489), without credentials, eighteen times. What it says is not trusted, so
 * its certificate does not matter. One over UDP is asked over TCP too, at the same port: the other end may come that way. One over TCP is
 * asked over UDP where it does not answer: those of our own kind are met that way, too.
 * @throws StrategyError RELAY_UNREACHABLE, or the signal's reason
 */
export async function surveyRelay(platform: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<Survey> {
  const done = new AbortController();
  const startedAt = platform.clock.now();
  const name = formatEndpoint(address);
  const options = {
    clock: platform.clock,
    timeoutMs: surveyTimeoutMs,
    signal,
    expired: () => unreachable(name, 'it did not answer in time'),
  };
  let overUdp = address.transport === 'udp';
  const ask = overUdp ? [probeUdp, probeStream] : [probeStream];
  try {
    const until = AbortSignal.any([signal, done.signal]);
    const answers: TimedAnswer[] = [];
    const failures: Error[] = [];
    const asked = ask.flatMap((probe) =>
      Array.from({ length: probes }, () =>
        probe(platform, address, until).then(
          (some) => answers.push(...some),
          (error: Error) => failures.push(error),
        ),
      ),
    );
    const streams = Promise.all(asked);
    const turnToUdp = async () => {
      await Promise.race([streams, sleep(platform.clock, otherWayMs, until)]);
      if (answers.length > 0) return;
      const some = await probeUdp(platform, address, until, otherWayTimeoutMs);
      // A connection takes one round trip more, and its answers tell the time.
      const rttMs = Math.max(...some.map(({ sentAt, returnedAt }) => returnedAt - sentAt));
      const leftMs = startedAt + 2 * rttMs + streamGraceMs - platform.clock.now();
      await Promise.race([streams, sleep(platform.clock, Math.max(0, leftMs), until)]);
      if (answers.length > 0) return;
      answers.push(...some);
      overUdp = true;
      done.abort();
    };
    const other = address.transport === 'tcp' ? turnToUdp().catch(() => {}) : undefined;
    await withDeadline(
      streams.then(() => (answers.length > 0 ? undefined : other)),
      options,
    ).catch((error: unknown) => {
      // Those that did answer are enough.
      if (answers.length === 0) throw error;
    });
    signal.throwIfAborted();
    if (answers.length === 0) throw unreachable(name, failures[0]?.message ?? 'no answer', failures[0]);
    return {
      // Where both transports are asked, one that does not pass is no loss.
      ...distanceOf(answers, overUdp ? 0 : failures.length),
      seen: [...new Set(answers.map(({ mapped }) => mapped))].slice(0, maxSeen),
    };
  } finally {
    done.abort();
  }
}

/**
 * Surveys several at once, and waits for none that takes much longer than the first: one that is dead is not to hold up a new path.
 * Rejects with the signal's reason alone.
 */
export async function surveyAll(
  platform: TurnPlatform,
  relays: readonly Pick<Relay, 'name' | 'address'>[],
  signal: AbortSignal,
): Promise<readonly (Survey | RelayFailure)[]> {
  const startedAt = platform.clock.now();
  const late = new AbortController();
  const until = AbortSignal.any([signal, late.signal]);
  // Each survey listens.
  setMaxListeners(0, until);
  let patience: Timer | undefined;
  const surveys = relays.map(({ name, address }) =>
    surveyRelay(platform, address, until).then(
      (survey) => {
        const graceMs = Math.max(leastGraceMs, platform.clock.now() - startedAt);
        patience ??= platform.clock.setTimer(graceMs, () => late.abort(unreachable('that is late', 'others answer much sooner')));
        return survey;
      },
      (error: unknown) => ({ name, error }),
    ),
  );
  try {
    return await Promise.all(surveys);
  } finally {
    patience?.cancel();
    signal.throwIfAborted();
  }
}

/** Of relays that do not tell their time, the round trip alone. */
function distanceOf(answers: readonly TimedAnswer[], lost: number): Distance {
  const samples = new DelaySamples();
  for (const { sentAt, returnedAt, serverTimeMs = sentAt } of answers) {
    samples.add({ sentAt, heardAt: serverTimeMs, answeredAt: serverTimeMs, returnedAt });
  }
  for (let count = 0; count < lost; count++) samples.addLost();
  const { rttMs = 0, outMs = 0, inMs = 0 } = samples.delays ?? {};
  const timed = answers.every(({ serverTimeMs }) => serverTimeMs !== undefined);
  return timed ? { rttMs, oneWay: { outMs, inMs } } : { rttMs };
}

function unreachable(relay: string, why: string, cause?: unknown): StrategyError {
  return new StrategyError('RELAY_UNREACHABLE', `The relay ${relay} cannot be used: ${why}.`, { cause });
}

async function probeUdp(
  { net, clock, random }: TurnPlatform,
  address: RelayAddress,
  signal: AbortSignal,
  timeoutMs = udpTimeoutMs,
): Promise<TimedAnswer[]> {
  const socket = await net.bindUdp({
    local: { address: isIPv6(address.address) ? '::' : '0.0.0.0', port: 0 },
    onMessage: (data, from) => void transactions.receive(data, from),
  });
  const transactions = new StunTransactions({ clock, random, send: (data, remote) => socket.send(data, remote) });
  try {
    const sentAt = clock.now();
    const { mapped } = await transactions.bind(address, { timeoutMs, signal });
    return [{ mapped: mapped.address, sentAt, returnedAt: clock.now(), serverTimeMs: undefined }];
  } finally {
    transactions.close();
    await socket.close();
  }
}

async function probeStream(platform: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<TimedAnswer[]> {
  const { net, clock, random } = platform;
  const plain = await net.connectTcp({ remote: address, timeoutMs: surveyTimeoutMs, signal });
  const target = { host: address.address, verify: false };
  const stream = address.transport === 'tls' ? await secure(platform, plain, target, formatEndpoint(address), signal) : plain;
  try {
    return await askTimes(stream, surveyQuestions / probes, { clock, random, timeoutMs: surveyTimeoutMs, signal });
  } finally {
    stream.destroy();
  }
}
