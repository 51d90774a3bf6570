import type { Caller } from './caller.js';

/** More connections than anyone needs, none of which says a whole word. */
export class Flood {
  private readonly open = new Set<Caller>();
  /** Connections on which the other end has said something. */
  greeted = 0;
  private stopped = false;

  constructor(private readonly call: () => Promise<Caller>) {}

  /**
   * So many at once. Resolves when nearly all have been turned away: a router that is flooded loses some of the packets that say
   * so, and then the stranger's end alone believes in the connection.
   */
  async wave(count: number): Promise<void> {
    let turnedAway = 0;
    await new Promise<void>((resolve, reject) => {
      const over = () => {
        turnedAway += 1;
        if (turnedAway >= count * 0.9) resolve();
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
    // Nobody answers for one that overflowed the listener's queue until there is something to answer.
    caller.write('{');
    void caller.hear('hello').then(
      () => (this.greeted += 1),
      () => {},
    );
    if (this.stopped) caller.hangUp();
    await caller.ended;
    this.open.delete(caller);
  }
}
