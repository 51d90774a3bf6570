import { isIPv6 } from 'node:net';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { StunTransactions } from '../../discovery/stun/stun-transactions.js';
import { bindOverTcp } from '../../discovery/stun/tcp-binding.js';
import { maxSeen } from './messages.js';
import type { RelayAddress } from './relay-source.js';
import type { TurnPlatform } from './turn/server.js';
import { secure } from './turn/stream.js';

/** How long a relay may take, in milliseconds, and over UDP, where an answer takes but one round trip. */
const surveyTimeoutMs = 2500;
const udpTimeoutMs = 1500;
/** Connections a survey makes: a NAT with a pool of addresses may show another one on each (RFC 4787 §4.1). */
const probes = 3;

/** What one end finds out about a relay before it is used. */
export interface Survey {
  /** Least round trip in milliseconds. */
  readonly rttMs: number;
  /** Addresses that the relay sees this end at. */
  readonly seen: readonly string[];
}

interface Answer {
  readonly rttMs: number;
  readonly mapped: string;
}

/**
 * Asks a relay how far it is and where it sees us: STUN Binding (RFC 8489), without credentials. What it says is not trusted, so
 * its certificate does not matter. One over UDP is asked over TCP too, at the same port: the other end may come that way.
 * @throws StrategyError RELAY_UNREACHABLE, or the signal's reason
 */
export async function surveyRelay(platform: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<Survey> {
  const done = new AbortController();
  const name = formatEndpoint(address);
  const options = {
    clock: platform.clock,
    timeoutMs: surveyTimeoutMs,
    signal,
    expired: () => unreachable(name, 'it did not answer in time'),
  };
  const ask = address.transport === 'udp' ? [probeUdp, probeStream] : [probeStream];
  try {
    const until = AbortSignal.any([signal, done.signal]);
    const answers: Answer[] = [];
    const failures: Error[] = [];
    const asked = ask.flatMap((probe) =>
      Array.from({ length: probes }, () =>
        probe(platform, address, until).then(
          (answer) => answers.push(answer),
          (error: Error) => failures.push(error),
        ),
      ),
    );
    await withDeadline(Promise.all(asked), options).catch((error: unknown) => {
      // Those that did answer are enough.
      if (answers.length === 0) throw error;
    });
    signal.throwIfAborted();
    if (answers.length === 0) throw unreachable(name, failures[0]?.message ?? 'no answer', failures[0]);
    return {
      rttMs: Math.min(...answers.map(({ rttMs }) => rttMs)),
      seen: [...new Set(answers.map(({ mapped }) => mapped))].slice(0, maxSeen),
    };
  } finally {
    done.abort();
  }
}

function unreachable(relay: string, why: string, cause?: unknown): StrategyError {
  return new StrategyError('RELAY_UNREACHABLE', `The relay ${relay} cannot be used: ${why}.`, { cause });
}

async function probeUdp({ net, clock, random }: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<Answer> {
  const socket = await net.bindUdp({
    local: { address: isIPv6(address.address) ? '::' : '0.0.0.0', port: 0 },
    onMessage: (data, from) => void transactions.receive(data, from),
  });
  const transactions = new StunTransactions({ clock, random, send: (data, remote) => socket.send(data, remote) });
  try {
    const startedAt = clock.now();
    const { mapped } = await transactions.bind(address, { timeoutMs: udpTimeoutMs, signal });
    return { rttMs: clock.now() - startedAt, mapped: mapped.address };
  } finally {
    transactions.close();
    await socket.close();
  }
}

async function probeStream(platform: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<Answer> {
  const { net, clock, random } = platform;
  const plain = await net.connectTcp({ remote: address, timeoutMs: surveyTimeoutMs, signal });
  const target = { host: address.address, verify: false };
  const stream = address.transport === 'tls' ? await secure(platform, plain, target, formatEndpoint(address), signal) : plain;
  try {
    const startedAt = clock.now();
    const { address: mapped } = await bindOverTcp(stream, { clock, random, timeoutMs: surveyTimeoutMs, signal });
    return { rttMs: clock.now() - startedAt, mapped };
  } finally {
    stream.destroy();
  }
}
