import type { Caller } from './caller.js';

/** More connections than anyone needs, none of which says a word. */
export class Flood {
  private readonly open = new Set<Caller>();
  /** Connections on which the other end has said something. */
  greeted = 0;
  private stopped = false;

  constructor(private readonly call: () => Promise<Caller>) {}

  /** Connections that the other end has not ended. */
  get held(): number {
    return this.open.size;
  }

  /** So many at once. Resolves when all but those that may wait for a hello have been turned away. */
  async wave(count: number, mayWait = 2): Promise<void> {
    let turnedAway = 0;
    await new Promise<void>((resolve, reject) => {
      const over = () => {
        turnedAway += 1;
        if (turnedAway === count - mayWait) resolve();
      };
      for (let index = 0; index < count; index++) this.hold().then(over, reject);
    });
  }

  /** Keeps so many knocking until {@link stop}: who is turned away comes again. */
  async keepUp(count: number): Promise<void> {
    const lane = async () => {
      while (!this.stopped) await this.hold();
    };
    await Promise.all(Array.from({ length: count }, lane));
  }

  stop(): void {
    this.stopped = true;
    for (const caller of this.open) caller.hangUp();
  }

  private async hold(): Promise<void> {
    const caller = await this.call().catch(() => undefined);
    if (!caller) return;
    this.open.add(caller);
    void caller.hear('hello').then(
      () => (this.greeted += 1),
      () => {},
    );
    if (this.stopped) caller.hangUp();
    await caller.ended;
    this.open.delete(caller);
  }
}
