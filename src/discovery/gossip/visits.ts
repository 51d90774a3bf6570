import type { Clock } from '../../core/clock.js';
import type { DiscoveryContext } from '../../core/discovery-source.js';
import type { Endpoint } from '../../core/net.js';
import type { KnownServices } from '../../core/peer-services.js';

/** Agents that are asked at once whether they are there. */
const mostQuestions = 4;
/** How long a question waits for its turn before another takes its place, in milliseconds. */
const questionMs = 60_000;
/** How long an agent that has answered may take to say what it offers, in milliseconds. */
const offerMs = 10_000;
/** How long one that has gone away is waited for, in milliseconds. */
const absenceMs = 5 * 60_000;
/** How long a find lasts, and how often it is told again meanwhile, in milliseconds. */
const findMs = 5 * 60_000;
const findAgainMs = 60_000;
/** One that did not answer is not asked again for so long, and one that is farther than others, in milliseconds. */
const missedMs = 10 * 60_000;
const farMs = 60 * 60_000;
/** Relays that are kept in touch with at most: the nearest. */
const mostRelays = 4;

interface Visit {
  readonly toldBy?: string | undefined;
  readonly startedAt: number;
  /** It is there, and of use. */
  confirmed: boolean;
  linkedAt?: number;
  linkedLastAt: number;
  findAgainAt: number;
  /** How far its relay is, in milliseconds; undefined while it is not known, and of one that does not relay. */
  rttMs?: number;
  measuring?: boolean;
}

export interface VisitsParts {
  readonly clock: Clock;
  readonly services: Pick<KnownServices, 'offersOf' | 'by'>;
  readonly context: DiscoveryContext;
  /** Round trip to a relay in milliseconds. Never rejects. */
  readonly distanceTo: (relay: Endpoint, signal: AbortSignal) => Promise<number>;
  /** Whether a path is wanted to those that are met, whatever they offer. */
  readonly bridge: boolean;
  /** Called once for each agent that was asked: whether it is there and does what it is known for. */
  readonly settled: (key: string, isTrue: boolean) => void;
}

/** The agents that are asked or kept in touch with, because somebody told of them or because they were met before. */
export class Visits {
  private readonly visits = new Map<string, Visit>();
  /** Agents that are left alone, and until when. */
  private readonly leftAlone = new Map<string, number>();

  constructor(private readonly parts: VisitsParts) {}

  /** May another agent be asked? */
  get hasRoom(): boolean {
    return [...this.visits.values()].filter(({ confirmed }) => !confirmed).length < mostQuestions;
  }

  /** Is it asked, kept in touch with, out of reach or too far? */
  has(key: string): boolean {
    return this.visits.has(key) || this.leftAlone.has(key);
  }

  /** Who told of it first, of one that is visited. */
  tellerOf(key: string): string | undefined {
    return this.visits.get(key)?.toldBy;
  }

  /** Asks one. */
  begin(key: string, toldBy?: string): void {
    const now = this.parts.clock.now();
    this.visits.set(key, { toldBy, startedAt: now, confirmed: false, linkedLastAt: now, findAgainAt: now });
  }

  /** Looks after all of them; to be called about once a second. */
  tend(): void {
    const now = this.parts.clock.now();
    for (const [key, until] of this.leftAlone) if (now > until) this.leftAlone.delete(key);
    for (const [key, visit] of this.visits) {
      if (!this.isWorthwhile(key, visit, now)) {
        this.visits.delete(key);
        // Nobody knows why it has not been asked, so nobody is blamed; others come first now.
        if (!visit.confirmed) this.leftAlone.set(key, now + missedMs);
      } else {
        if (now >= visit.findAgainAt) this.find(key, visit, now);
        if (visit.confirmed) this.measure(key, visit);
      }
    }
    this.leaveFarthest(now);
  }

  private isWorthwhile(key: string, visit: Visit, now: number): boolean {
    const offers = this.parts.services.offersOf(key);
    if (!offers) return visit.confirmed ? now - visit.linkedLastAt < absenceMs : now - visit.startedAt < questionMs;
    visit.linkedAt ??= now;
    visit.linkedLastAt = now;
    const isOfUse = this.parts.bridge || offers.length > 0;
    if (isOfUse && !visit.confirmed) this.parts.settled(key, true);
    visit.confirmed ||= isOfUse;
    if (isOfUse || now - visit.linkedAt < offerMs) return true;
    if (!visit.confirmed) this.miss(key);
    return false;
  }

  private find(key: string, visit: Visit, now: number): void {
    const { context, bridge } = this.parts;
    visit.findAgainAt = now + findAgainMs;
    const asked = (answered: boolean) => {
      if (!answered && this.visits.delete(key)) this.miss(key);
    };
    const teller = visit.toldBy === undefined ? {} : { toldBy: visit.toldBy };
    context.found({ key, expiresInMs: findMs, purpose: bridge ? 'path' : 'services', asked, ...teller });
  }

  private miss(key: string): void {
    this.leftAlone.set(key, this.parts.clock.now() + missedMs);
    this.parts.settled(key, false);
  }

  private measure(key: string, visit: Visit): void {
    const { services, distanceTo, context } = this.parts;
    const [relay] = services.by(key)?.relay ?? [];
    if (!relay || visit.measuring) return;
    visit.measuring = true;
    void distanceTo(relay, context.signal).then((rttMs) => {
      visit.rttMs = rttMs;
    });
  }

  /** A relay that is farther than enough others is of no use. */
  private leaveFarthest(now: number): void {
    const relays = [...this.visits].filter(([, { rttMs }]) => rttMs !== undefined);
    if (relays.length <= mostRelays) return;
    relays.sort(([, { rttMs: one = 0 }], [, { rttMs: other = 0 }]) => other - one);
    for (const [key] of relays.slice(0, relays.length - mostRelays)) {
      this.visits.delete(key);
      this.leftAlone.set(key, now + farMs);
    }
  }
}
