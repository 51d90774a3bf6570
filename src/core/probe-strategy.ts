import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { AgentError, describeError, StrategyError } from './errors.js';
import type { Probe, Strategy } from './strategy.js';

/** How long a strategy may take to see whether it is usable, in milliseconds. */
const deadlineMs = 12_000;

/** Asks a strategy whether it is usable here. Never rejects: one that fails, hangs or has nothing to say has not found out. */
export async function probeStrategy(strategy: Strategy, clock: Clock, signal?: AbortSignal): Promise<Probe> {
  const over = new AbortController();
  const both = signal ? AbortSignal.any([over.signal, signal]) : over.signal;
  try {
    const asked = async () => (await strategy.probe?.({ signal: both })) ?? { usable: 'unknown' as const };
    return await withDeadline(asked(), {
      clock,
      timeoutMs: deadlineMs,
      ...(signal ? { signal } : {}),
      expired: () => new StrategyError('STRATEGY_FAILED', `It did not say within ${deadlineMs / 1000} s.`),
    });
  } catch (error) {
    return { usable: 'unknown', reason: describeError(error).message };
  } finally {
    over.abort(new AgentError('AGENT_STOPPED', 'The probe is over.'));
  }
}
