import { withDeadline } from '../../core/deadline.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { bindOverTcp } from '../../discovery/stun/tcp-binding.js';
import { maxSeen } from './messages.js';
import type { RelayAddress } from './relay-source.js';
import type { TurnPlatform } from './turn/server.js';
import { secure } from './turn/stream.js';
import { turnUnreachable } from './turn/turn-error.js';

/** How long a relay may take, in milliseconds. */
const surveyTimeoutMs = 2500;
/** Connections a survey makes: a NAT with a pool of addresses may show another one on each (RFC 4787 §4.1). */
const probes = 3;

/** What one end finds out about a relay before it is used. */
export interface Survey {
  /** Least round trip in milliseconds. */
  readonly rttMs: number;
  /** Addresses that the relay sees this end at. */
  readonly seen: readonly string[];
}

/**
 * Asks a relay how far it is and where it sees us: STUN Binding (RFC 8489) over TCP or TLS, without credentials. What it says is
 * not trusted, so its certificate does not matter.
 * @throws StrategyError TURN_UNREACHABLE, or the signal's reason
 */
export async function surveyRelay(platform: TurnPlatform, address: RelayAddress, signal: AbortSignal): Promise<Survey> {
  const done = new AbortController();
  const name = formatEndpoint(address);
  const options = {
    clock: platform.clock,
    timeoutMs: surveyTimeoutMs,
    signal,
    expired: () => turnUnreachable(name, 'it did not answer in time'),
  };
  try {
    const asked = Array.from({ length: probes }, () => probe(platform, address, AbortSignal.any([signal, done.signal])));
    const settled = await withDeadline(Promise.allSettled(asked), options);
    const answers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const [failure] = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    signal.throwIfAborted();
    if (answers.length === 0) throw turnUnreachable(name, failure?.message ?? 'no answer', failure);
    return {
      rttMs: Math.min(...answers.map(({ rttMs }) => rttMs)),
      seen: [...new Set(answers.map(({ mapped }) => mapped))].slice(0, maxSeen),
    };
  } finally {
    done.abort();
  }
}

async function probe(
  platform: TurnPlatform,
  address: RelayAddress,
  signal: AbortSignal,
): Promise<{ rttMs: number; mapped: string }> {
  const { net, clock, random } = platform;
  const plain = await net.connectTcp({ remote: address, timeoutMs: surveyTimeoutMs, signal });
  const target = { host: address.address, verify: false };
  const stream = address.secure ? await secure(platform, plain, target, formatEndpoint(address), signal) : plain;
  try {
    const startedAt = clock.now();
    const { address: mapped } = await bindOverTcp(stream, { clock, random, timeoutMs: surveyTimeoutMs, signal });
    return { rttMs: clock.now() - startedAt, mapped };
  } finally {
    stream.destroy();
  }
}
