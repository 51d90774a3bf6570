/** Why a packet did not arrive. */
export type LossCause =
  | 'line-loss'
  | 'queue-full'
  | 'too-big'
  | 'no-route'
  | 'ttl-exceeded'
  | 'filtered'
  | 'nat-filtered'
  | 'nat-exhausted'
  | 'no-hairpin'
  | 'firewall'
  | 'port-closed';

/** What went through a part of the network, and what did not. */
export class Statistics {
  packets = 0;
  bytes = 0;
  readonly lost = new Map<LossCause, number>();

  forwarded(bytes: number): void {
    this.packets += 1;
    this.bytes += bytes;
  }

  lose(cause: LossCause): void {
    this.lost.set(cause, (this.lost.get(cause) ?? 0) + 1);
  }

  /** Packets that were lost, for this cause or for any. */
  losses(cause?: LossCause): number {
    if (cause) return this.lost.get(cause) ?? 0;
    return [...this.lost.values()].reduce((sum, count) => sum + count, 0);
  }

  add(other: Statistics): void {
    this.packets += other.packets;
    this.bytes += other.bytes;
    for (const [cause, count] of other.lost) this.lost.set(cause, (this.lost.get(cause) ?? 0) + count);
  }
}
