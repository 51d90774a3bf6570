import type { OneWayDelays } from './one-way-delay.js';

/** What it takes from one relay to another, by their names, which hold no spaces. */
export class LinkDelays {
  private readonly delays = new Map<string, number>();

  /** Takes what a relay says of another, both directions; the newest counts. */
  add(from: string, to: string, { outMs, inMs }: OneWayDelays): void {
    this.delays.set(`${from} ${to}`, outMs);
    this.delays.set(`${to} ${from}`, inMs);
  }

  /** Undefined where neither has told. With the difference of their clocks in it, in milliseconds. */
  between(from: string, to: string): number | undefined {
    return this.delays.get(`${from} ${to}`);
  }
}
