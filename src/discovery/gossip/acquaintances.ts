import { type Hearsay, maxHearsayAgeMs } from '../../core/gossip-links.js';
import type { ServiceKind } from '../../core/peer-services.js';

/** Agents remembered; of more, the one that was met longest ago is forgotten. */
export const mostAcquaintances = 512;
/** An agent that is met all the time is news again after this long, in milliseconds, so that those who were told do not forget it. */
const newsAgainMs = maxHearsayAgeMs / 2;

/** When an agent was met is known no better than this, in milliseconds. */
const sameMs = 10_000;

/** An agent that this one has been linked with, and what it offered last. */
export interface Acquaintance {
  readonly key: string;
  readonly offers: readonly ServiceKind[];
  /** Wall clock, milliseconds. */
  readonly metAt: number;
  /** Key of the agent that told of it, where one did. */
  readonly toldBy?: string | undefined;
}

interface Entry extends Acquaintance {
  /** When it last was news. */
  readonly newsAt: number;
  /** Counts what has been news, over all entries. */
  readonly change: number;
}

/** Agents that have been met: all that this agent tells others of. What it was told itself goes no further before it has seen for itself. */
export class Acquaintances {
  /** By key, the one met longest ago first. */
  private readonly met = new Map<string, Entry>();
  /** Changes so far that are worth telling. */
  changes = 0;

  /** @param remembered from an earlier run, the one met longest ago first */
  constructor(remembered: readonly Acquaintance[] = []) {
    for (const { key, offers, metAt, toldBy } of remembered) this.meet({ key, offers, metAt, toldBy });
  }

  /** It is linked, and offers that. */
  meet({ key, offers, metAt, toldBy }: Acquaintance): void {
    const before = this.met.get(key);
    if (before?.offers === offers && metAt - before.metAt < sameMs) return;
    const isKnown = before && String(before.offers) === String(offers) && metAt - before.newsAt < newsAgainMs;
    this.met.delete(key);
    this.met.set(key, {
      key,
      offers,
      metAt,
      toldBy: before ? before.toldBy : toldBy,
      newsAt: isKnown ? before.newsAt : metAt,
      change: isKnown ? before.change : ++this.changes,
    });
    const [oldest] = this.met.keys();
    if (this.met.size > mostAcquaintances && oldest !== undefined) this.met.delete(oldest);
  }

  has(key: string): boolean {
    return this.met.has(key);
  }

  /** The one met last first. @param now wall clock, milliseconds; those met too long ago are forgotten */
  list(now: number): readonly Acquaintance[] {
    return this.entries(now);
  }

  /** What has been news after so many changes: those that offer something first, then the newest. */
  news(since: number, now: number): readonly Hearsay[] {
    const fresh = this.entries(now).filter(({ change }) => change > since);
    fresh.sort((a, b) => Number(b.offers.length > 0) - Number(a.offers.length > 0) || b.change - a.change);
    return fresh.map(({ key, offers, metAt }) => ({ key, offers, ageMs: Math.max(0, now - metAt) }));
  }

  private entries(now: number): Entry[] {
    for (const { key, metAt } of this.met.values()) if (now - metAt > maxHearsayAgeMs) this.met.delete(key);
    return [...this.met.values()].reverse();
  }
}
