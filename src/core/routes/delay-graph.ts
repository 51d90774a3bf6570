/** Relays on one way at most: each carries the whole traffic, at its operator's cost. */
export const maxRelaysOnWay = 2;

/** A way from one node to another. */
export interface Way {
  /** Relays in the order they are passed. */
  readonly relays: readonly string[];
  /** Sum of the measured delays, in milliseconds, with the difference of the two ends' clocks in it. */
  readonly costMs: number;
}

/** Measured one-way delays between nodes, in milliseconds; those of each direction on their own. */
export class DelayGraph {
  private readonly delays = new Map<string, Map<string, number>>();

  set(from: string, to: string, delayMs: number): void {
    const row = this.delays.get(from) ?? new Map<string, number>();
    this.delays.set(from, row.set(to, delayMs));
  }

  /**
   * Every way over relays that the measurements allow, the shortest first. Clocks that differ make delays less than zero, and noise may
   * make a circle of them so; since no way passes a relay twice, neither does harm.
   */
  ways(from: string, to: string, relays: Iterable<string>): Way[] {
    const found: Way[] = [];
    const among = new Set(relays);
    const extend = (passed: readonly string[], at: string, costMs: number) => {
      const last = this.delay(at, to);
      if (last !== undefined && passed.length > 0) found.push({ relays: passed, costMs: costMs + last });
      if (passed.length === maxRelaysOnWay) return;
      for (const [next, delayMs] of this.delays.get(at) ?? []) {
        if (among.has(next) && !passed.includes(next)) extend([...passed, next], next, costMs + delayMs);
      }
    };
    extend([], from, 0);
    return found.sort((a, b) => a.costMs - b.costMs);
  }

  private delay(from: string, to: string): number | undefined {
    return this.delays.get(from)?.get(to);
  }
}
