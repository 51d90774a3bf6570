import type { Attempts } from '../control/observation-schemas.js';

export type Attempt = Attempts['attempts'][number];

/** Attempts with one peer that belong together: each began while another was under way, or soon after. */
export interface AttemptGroup {
  readonly peer: Attempt['peer'];
  /** In the order in which they began; at least one. */
  readonly attempts: readonly Attempt[];
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Pause between two attempts that still belong together, in milliseconds. */
const pauseMs = 5000;
/** A group is drawn no longer than this, in milliseconds: a bridge may last for days. */
const longestMs = 30_000;

/** The newest group first. @param now milliseconds since 1970, for what is under way */
export function groupAttempts(attempts: readonly Attempt[], now: number): AttemptGroup[] {
  const groups: { peer: Attempt['peer']; attempts: Attempt[]; from: number; to: number }[] = [];
  for (const attempt of attempts) {
    const from = Date.parse(attempt.startedAt);
    const to = endOf(attempt, now);
    const group = groups.findLast(({ peer }) => peer.key === attempt.peer.key);
    if (group && from - group.to < pauseMs) {
      group.attempts.push(attempt);
      group.to = Math.max(group.to, to);
    } else groups.push({ peer: attempt.peer, attempts: [attempt], from, to });
  }
  return groups.sort((one, other) => other.from - one.from);
}

/** When the trying was over, one way or the other: what became a bridge lives on, but nobody tries any more. */
export function endOf({ startedAt, endedAt, provenAt, outcome }: Attempt, now: number): number {
  const from = Date.parse(startedAt);
  const end = provenAt ?? (outcome === 'under way' ? null : endedAt);
  const to = end === null ? now : Date.parse(end);
  return Math.min(Math.max(from, to), from + longestMs);
}
