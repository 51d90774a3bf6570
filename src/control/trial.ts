import type { AgentEvent, PeerRef } from '../core/events.js';
import { type Failure, schemaVersion, type Trial } from './schemas.js';
import type { StatusBook } from './status-book.js';

/** How long a trial may take, in milliseconds: a climb of every strategy, and a dial before that. */
const trialMs = 45_000;

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
  const until = AbortSignal.any([signal, AbortSignal.timeout(trialMs)]);
  let unsubscribe = () => {};
  try {
    const failure = await new Promise<Failure | null>((resolve, reject) => {
      const end = () => (signal.aborted ? reject(signal.reason as Error) : resolve(nothingCame));
      until.addEventListener('abort', end, { once: true });
      if (until.aborted) end();
      unsubscribe = subscribe((event) => {
        const outcome = outcomeOf(event, peer);
        if (outcome !== undefined) resolve(outcome);
      });
      if (book.explain(peer.key)?.peer.bridge) resolve(null);
      else bridge(peer).catch(reject);
    });
    const report = book.explain(peer.key)?.peer ?? null;
    return { schemaVersion, peer: report, bridge: report?.bridge ?? null, failure };
  } finally {
    unsubscribe();
    if (!named) letGo(peer);
  }
}

const nothingCame: Failure = {
  code: 'STRATEGIES_EXHAUSTED',
  message: `Nothing came of it within ${trialMs / 1000} s.`,
  help: 'ratatoskr explain PEER tells what was tried.',
};

/** Null for a bridge, a failure for the end of a try in vain, undefined for anything else. */
function outcomeOf(event: AgentEvent, peer: PeerRef): Failure | null | undefined {
  if (event.event === 'signalling.failed') {
    // A link that ends so that another can begin is no outcome.
    return event.remote === peer.address && event.code !== 'SIGNALLING_CLOSED' ? failureOf(event) : undefined;
  }
  if (!('peer' in event) || event.peer.key !== peer.key) return undefined;
  if (event.event === 'bridge.up') return null;
  if (event.event === 'peer.resting') return failureOf(event);
  if (event.event !== 'ladder.exhausted') return undefined;
  const reasons = event.failures.map(({ strategy, code, message }) => `${strategy}: ${message} (${code})`);
  const help = [...new Set(event.failures.flatMap(({ help: next }) => next ?? []))].join(' ');
  return { code: 'STRATEGIES_EXHAUSTED', message: `No strategy opened a path. ${reasons.join(' ')}`, help };
}

function failureOf({ code, message, help }: { code: string; message: string; help?: string | undefined }): Failure {
  return { code, message, ...(help === undefined ? {} : { help }) };
}
