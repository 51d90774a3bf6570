export interface ScheduledEvent {
  readonly at: number;
  /** Of two events at one instant, the one that was scheduled first comes first. */
  readonly order: number;
  callback: () => void;
  /** Code outside the network learns of it, and has to be let run. */
  readonly settles: boolean;
  /** Fired or called off. */
  over: boolean;
}

/** Events by time, then by the order in which they were scheduled. */
export class EventHeap {
  private readonly items: ScheduledEvent[] = [];

  /** Events called off that have not come up yet are counted. */
  get size(): number {
    return this.items.length;
  }

  push(event: ScheduledEvent): void {
    const { items } = this;
    let index = items.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent];
      if (!above || !comesBefore(event, above)) break;
      items[index] = above;
      index = parent;
    }
    items[index] = event;
  }

  /** The next one that has not been called off. */
  peek(): ScheduledEvent | undefined {
    while (this.items[0]?.over) this.pop();
    return this.items[0];
  }

  pop(): ScheduledEvent | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (!last || items.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const [left, right] = [items[child], items[child + 1]];
      if (!left) break;
      if (right && comesBefore(right, left)) child += 1;
      const below = items[child];
      if (!below || !comesBefore(below, last)) break;
      items[index] = below;
      index = child;
    }
    items[index] = last;
    return first;
  }
}

function comesBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
