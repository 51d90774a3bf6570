import type { Clock } from '../../core/clock.js';
import { type Hearsay, maxHearsayAgeMs } from '../../core/gossip-links.js';
import type { ServiceKind } from '../../core/peer-services.js';
import type { Random } from '../../core/random.js';

/** Agents that one teller may tell of; more are not looked at until some of these are settled or have expired. */
const mostFromOne = 128;
/** Tellers listened to; of more, the one that was quiet the longest is forgotten with what it told. */
const mostTellers = 64;
/** False records in a row that make a liar. An honest teller may well not know yet that one has left, but not so often. */
const falseRecords = 4;
/** How long a liar is ignored, in milliseconds, and liars remembered. */
const ignoreMs = 3_600_000;
const mostIgnored = 1024;

interface Rumour {
  readonly offers: readonly ServiceKind[];
  /** The clock's, in milliseconds. */
  readonly expiresAt: number;
  /** When its teller told of it first; the same clock. */
  readonly heardAt: number;
}

interface Teller {
  readonly rumours: Map<string, Rumour>;
  /** False ones since the last true one. */
  falseInARow: number;
}

/** One agent to ask whether what is told of it is true. */
export interface Lead {
  readonly key: string;
  readonly toldBy: string;
}

/** What other agents have told and nobody has confirmed: it is good for a question to its subject, and for nothing else. */
export class Rumours {
  /** By key, the one that was quiet the longest first. */
  private readonly tellers = new Map<string, Teller>();
  /** Liars, and until when nothing is heard of them. */
  private readonly ignored = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Records held, of all tellers. */
  get size(): number {
    return [...this.tellers.values()].reduce((sum, { rumours }) => sum + rumours.size, 0);
  }

  hear(from: string, agents: readonly Hearsay[]): void {
    const now = this.clock.now();
    if ((this.ignored.get(from) ?? 0) > now) return;
    const teller = this.tellers.get(from) ?? { rumours: new Map(), falseInARow: 0 };
    this.tellers.delete(from);
    this.tellers.set(from, teller);
    const [quietest] = this.tellers.keys();
    if (this.tellers.size > mostTellers && quietest !== undefined) this.tellers.delete(quietest);
    for (const [key, { expiresAt }] of teller.rumours) if (expiresAt <= now) teller.rumours.delete(key);
    for (const { key, offers, ageMs } of agents) {
      if (key === from || (teller.rumours.size >= mostFromOne && !teller.rumours.has(key))) continue;
      const heardAt = teller.rumours.get(key)?.heardAt ?? now;
      teller.rumours.set(key, { offers, expiresAt: now + maxHearsayAgeMs - ageMs, heardAt });
    }
  }

  /** One of those that may be of use, of any teller with the same chance, so that who tells much is not asked after more often. */
  pick(isOfUse: (key: string, offers: readonly ServiceKind[]) => boolean): Lead | undefined {
    const now = this.clock.now();
    const leads = [...this.tellers].flatMap(([toldBy, { rumours }]) => {
      const useful = [...rumours].filter(([key, { offers, expiresAt }]) => expiresAt > now && isOfUse(key, offers));
      const key = this.oneOf(useful)?.[0];
      return key === undefined ? [] : { key, toldBy };
    });
    return this.oneOf(leads);
  }

  /** The one of those that may be of use which a teller has begun to tell of last. */
  newest(isOfUse: (key: string, offers: readonly ServiceKind[]) => boolean): Lead | undefined {
    const now = this.clock.now();
    let found: (Lead & { readonly heardAt: number }) | undefined;
    for (const [toldBy, { rumours }] of this.tellers) {
      for (const [key, { offers, expiresAt, heardAt }] of rumours) {
        if (heardAt > (found?.heardAt ?? Number.NEGATIVE_INFINITY) && expiresAt > now && isOfUse(key, offers)) {
          found = { key, toldBy, heardAt };
        }
      }
    }
    return found;
  }

  /** What was told of this one has turned out to be true or false. @returns tellers that are ignored from now on */
  settle(key: string, isTrue: boolean): readonly string[] {
    const liars: string[] = [];
    for (const [from, teller] of this.tellers) {
      if (!teller.rumours.delete(key)) continue;
      teller.falseInARow = isTrue ? 0 : teller.falseInARow + 1;
      if (teller.falseInARow >= falseRecords) liars.push(from);
    }
    for (const liar of liars) this.ignore(liar);
    return liars;
  }

  private ignore(liar: string): void {
    this.tellers.delete(liar);
    this.ignored.delete(liar);
    this.ignored.set(liar, this.clock.now() + ignoreMs);
    const [oldest] = this.ignored.keys();
    if (this.ignored.size > mostIgnored && oldest !== undefined) this.ignored.delete(oldest);
  }

  private oneOf<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.random.fraction() * choices.length)];
  }
}
