import type { Clock } from '../../core/clock.js';
import type { Survey } from './survey.js';

/** How long a survey may be of use, in milliseconds: while a relay carries a path, the next is made after at most 10 minutes. */
const usefulMs = 11 * 60_000;
const maxSurveys = 256;

/** What relays were like when they were last asked: for a new path at once, when one of them is gone. */
export class RememberedSurveys {
  /** By the relay's name in the lists, the oldest first; without a survey of one that has gone since. */
  private readonly surveys = new Map<string, { readonly survey: Survey | undefined; readonly at: number }>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Undefined when it was not asked lately, or is gone. */
  of(relay: string): Survey | undefined {
    return this.entry(relay)?.survey;
  }

  isGone(relay: string): boolean {
    const entry = this.entry(relay);
    return entry !== undefined && entry.survey === undefined;
  }

  /** @param survey undefined when the relay does not answer, or no more */
  set(relay: string, survey: Survey | undefined): void {
    this.surveys.delete(relay);
    this.surveys.set(relay, { survey, at: this.clock.now() });
    const [oldest] = this.surveys.keys();
    if (this.surveys.size > maxSurveys && oldest !== undefined) this.surveys.delete(oldest);
  }

  private entry(relay: string) {
    const entry = this.surveys.get(relay);
    return entry && this.clock.now() - entry.at < usefulMs ? entry : undefined;
  }
}
