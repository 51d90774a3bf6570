import type { Clock } from '../../core/clock.js';
import type { Survey } from './survey.js';

/** How long a survey may be of use, in milliseconds: while a relay carries a path, the next is made after at most 10 minutes. */
const usefulMs = 11 * 60_000;
const maxSurveys = 256;

/** What relays were like when they were last asked: for a new path at once, when one of them is gone. */
export class RememberedSurveys {
  /** By the relay's `host:port`, the oldest first. */
  private readonly surveys = new Map<string, { readonly survey: Survey; readonly at: number }>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  of(relay: string): Survey | undefined {
    const known = this.surveys.get(relay);
    return known && this.clock.now() - known.at < usefulMs ? known.survey : undefined;
  }

  remember(relay: string, survey: Survey): void {
    this.forget(relay);
    this.surveys.set(relay, { survey, at: this.clock.now() });
    const [oldest] = this.surveys.keys();
    if (this.surveys.size > maxSurveys && oldest !== undefined) this.surveys.delete(oldest);
  }

  forget(relay: string): void {
    this.surveys.delete(relay);
  }
}
