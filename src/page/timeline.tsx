import { wasOvertaken } from '../control/overtaken.js';
import { duration } from '../figures.js';
import { type Attempt, type AttemptGroup, endOf, groupAttempts } from './attempt-groups.js';
import { Why } from './why.js';

/** Groups that are shown. */
const maxGroups = 8;

/** The last attempts, newest first, each group as a ladder on a time axis of its own. */
export function Timeline({ attempts, now }: { readonly attempts: readonly Attempt[]; readonly now: number }) {
  const groups = groupAttempts(attempts, now).slice(0, maxGroups);
  if (groups.length === 0) return <p class="empty">Nothing was tried yet.</p>;
  return (
    <ol class="ladders">
      {groups.map((group) => (
        <Ladder key={`${group.peer.key} ${group.from}`} group={group} now={now} />
      ))}
    </ol>
  );
}

function Ladder({ group, now }: { readonly group: AttemptGroup; readonly now: number }) {
  const { peer, attempts, from, to } = group;
  return (
    <li>
      <h3>
        <time dateTime={new Date(from).toISOString()}>{new Date(from).toLocaleTimeString()}</time> <code>{peer.address}</code>
        <span class="quiet">{duration(Math.max(1, to - from))}</span>
      </h3>
      <ul class="rungs">
        {attempts.map((attempt) => (
          <Rung key={attempt.attempt} attempt={attempt} from={from} span={Math.max(1, to - from)} now={now} />
        ))}
      </ul>
    </li>
  );
}

interface RungProps {
  readonly attempt: Attempt;
  /** Where the ladder's time axis begins, and how long it is, in milliseconds. */
  readonly from: number;
  readonly span: number;
  readonly now: number;
}

function Rung({ attempt, from, span, now }: RungProps) {
  const { strategy, outcome, startedAt, failure } = attempt;
  const begun = Date.parse(startedAt);
  const end = endOf(attempt, now);
  const x = ((begun - from) / span) * 100;
  return (
    <li class={`rung ${outcome.replace(' ', '-')}`}>
      <span class="rung-name">{strategy}</span>
      <svg class="rung-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect x={x.toFixed(2)} y="0" height="8" width={Math.max(0.6, ((end - begun) / span) * 100).toFixed(2)} />
      </svg>
      <span class="rung-outcome">
        {outcomeOf(attempt)}
        <span class="quiet"> {duration(end - begun)}</span>
        {failure && !wasOvertaken(failure) && <Why text={failure.message} code={failure.code} />}
      </span>
    </li>
  );
}

function outcomeOf({ outcome, failure }: Attempt): string {
  if (outcome === 'failed' && failure && wasOvertaken(failure)) return '– overtaken';
  const words: Readonly<Record<Attempt['outcome'], string>> = {
    'under way': '… under way',
    failed: '✕ failed',
    path: '○ path',
    bridge: '● bridge',
    ended: '● was a bridge',
  };
  return words[outcome];
}
