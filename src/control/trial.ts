import type { AgentEvent, PeerRef } from '../core/events.js';
import { type Failure, schemaVersion, type Trial } from './schemas.js';
import type { StatusBook } from './status-book.js';

/** How long a trial may take, in milliseconds: a climb of every strategy, and a dial before that. */
const trialMs = 45_000;
/** Silence after a failure from which on no other attempt is waited for, in milliseconds. */
const quietMs = 3000;

export interface TrialParts {
  readonly book: StatusBook;
  readonly subscribe: (listener: (event: AgentEvent) => void) => () => void;
  /** As the agent has them. */
  readonly bridge: (peer: PeerRef) => Promise<void>;
  readonly letGo: (peer: PeerRef) => void;
  readonly isNamed: (peer: PeerRef) => boolean;
}

/**
 * Has the agent try a peer now, and tells what came of it. A bridge that the peer's session does not deserve by itself goes again.
 * @throws RatatoskrError when the peer may not be tried, the signal's reason
 */
export async function tryPeer(peer: PeerRef, parts: TrialParts, signal: AbortSignal): Promise<Trial> {
  const { book, subscribe, bridge, letGo, isNamed } = parts;
  const named = isNamed(peer);
  const trial = new RunningTrial(peer, signal);
  const unsubscribe = subscribe((event) => trial.read(event));
  try {
    if (book.explain(peer.key)?.peer.bridge) trial.end(null);
    else await bridge(peer);
    const failure = await trial.outcome;
    const report = book.explain(peer.key)?.peer ?? null;
    return { schemaVersion, peer: report, bridge: report?.bridge ?? null, failure };
  } finally {
    trial.end(null);
    unsubscribe();
    if (!named) letGo(peer);
  }
}

const nothingCame: Failure = {
  code: 'STRATEGIES_EXHAUSTED',
  message: `Nothing came of it within ${trialMs / 1000} s.`,
  help: 'ratatoskr explain PEER tells what was tried.',
};

/** Waits for a bridge, or until there is no hope of one. */
class RunningTrial {
  /** Null for a bridge. */
  readonly outcome: Promise<Failure | null>;
  private settle: (outcome: Failure | null) => void = () => {};
  private readonly deadline: NodeJS.Timeout;
  private quiet: NodeJS.Timeout | undefined;
  /** Why attempts failed, by strategy. */
  private readonly reasons = new Map<string, Failure>();
  private readonly underWay = new Set<string>();
  private last = nothingCame;

  constructor(
    private readonly peer: PeerRef,
    signal: AbortSignal,
  ) {
    this.outcome = new Promise((resolve, reject) => {
      this.settle = resolve;
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    // Whoever waits for it may have gone before.
    this.outcome.catch(() => {});
    this.deadline = setTimeout(() => this.end(this.failure()), trialMs);
  }

  read(event: AgentEvent): void {
    if (event.event === 'signalling.failed' && event.remote === this.peer.address) this.end(failureOf(event));
    if (!('peer' in event) || event.peer.key !== this.peer.key) return;
    clearTimeout(this.quiet);
    if (event.event === 'bridge.up') this.end(null);
    else if (event.event === 'attempt.started') this.underWay.add(event.attempt);
    else if (event.event === 'peer.resting') this.last = failureOf(event);
    else if (event.event === 'attempt.failed') {
      this.underWay.delete(event.attempt);
      this.reasons.set(event.strategy, failureOf(event));
    } else if (event.event === 'ladder.exhausted') {
      for (const failure of event.failures) this.reasons.set(failure.strategy, failureOf(failure));
      this.end(this.failure());
    }
    // The end that follows is not told when the other has tried everything.
    const failed = this.reasons.size > 0 || this.last !== nothingCame;
    if (failed && this.underWay.size === 0) this.quiet = setTimeout(() => this.end(this.failure()), quietMs);
  }

  /** Idempotent. */
  end(outcome: Failure | null): void {
    clearTimeout(this.deadline);
    clearTimeout(this.quiet);
    this.settle(outcome);
  }

  private failure(): Failure {
    if (this.reasons.size === 0) return this.last;
    const reasons = [...this.reasons].map(([strategy, { code, message }]) => `${strategy}: ${message} (${code})`);
    const help = [...new Set([...this.reasons.values()].flatMap(({ help: next }) => next ?? []))].join(' ');
    return { code: 'STRATEGIES_EXHAUSTED', message: `No strategy opened a path. ${reasons.join(' ')}`, help };
  }
}

function failureOf({ code, message, help }: { code: string; message: string; help?: string | undefined }): Failure {
  return { code, message, ...(help === undefined ? {} : { help }) };
}
