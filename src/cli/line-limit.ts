import type { AgentEvent } from '../core/events.js';
import { TokenBucket } from '../core/token-bucket.js';

/** Lines about one matter that are written at once, and how many a second after that: one in half a minute. */
const rate = { burst: 10, perSecond: 1 / 30 };
/** Matters remembered; of more, the one that was quiet the longest is forgotten. */
const maxMatters = 512;

interface Matter {
  readonly lines: TokenBucket;
  leftOut: number;
}

/** Keeps what repeats itself from filling the log: the same event with the same reason and the same peer. */
export class LineLimit {
  /** The one that was quiet the longest comes first. */
  private readonly matters = new Map<string, Matter>();
  private now = 0;

  /** @returns how many lines about the matter were left out since the last one, or undefined when this one is to be left out too */
  take(event: AgentEvent): number | undefined {
    this.now = event.time;
    const name = matterOf(event);
    const matter = this.matters.get(name) ?? { lines: new TokenBucket({ now: () => this.now }, rate), leftOut: 0 };
    this.matters.delete(name);
    this.matters.set(name, matter);
    const [oldest] = this.matters.keys();
    if (this.matters.size > maxMatters && oldest !== undefined) this.matters.delete(oldest);
    if (!matter.lines.take()) {
      matter.leftOut += 1;
      return undefined;
    }
    const { leftOut } = matter;
    matter.leftOut = 0;
    return leftOut;
  }
}

function matterOf(event: AgentEvent): string {
  const { event: name, agent } = event;
  if (name === 'log') return JSON.stringify([agent, event.name, event.fields.code]);
  const code = 'code' in event ? event.code : undefined;
  const whom = 'peer' in event ? event.peer.key : 'remote' in event ? event.remote : undefined;
  const strategy = 'strategy' in event ? event.strategy : undefined;
  return JSON.stringify([agent, name, code, whom, strategy]);
}
