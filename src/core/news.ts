import type { Clock } from './clock.js';

/** The same thing is news again after this long, in milliseconds. */
const staleAfterMs = 60_000;
/** Things remembered. */
const maxRemembered = 1024;

/** Tells what is new from what has just been said, for what a stranger can make happen over and over. */
export class News {
  private readonly told = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** @returns whether it has not been said within the last minute; from now on it has */
  isNew(matter: string): boolean {
    const now = this.clock.now();
    const last = this.told.get(matter);
    if (last !== undefined && now - last < staleAfterMs) return false;
    if (this.told.size >= maxRemembered) this.told.clear();
    this.told.set(matter, now);
    return true;
  }
}
