import type { Clock } from './clock.js';
import type { PeerRef } from './events.js';
import type { RouterPeer } from './router.js';

/** Neighbours that are linked or being dialled at once. */
const maxMet = 4;
/** One whose agent did not answer is not asked again for so long, in milliseconds: most routers have none beside them. */
const unansweredMs = 10 * 60_000;

export interface NeighbourMeeting {
  readonly clock: Clock;
  isLinked(key: string): boolean;
  /** May it be dialled, by allow and deny and by the room there is? */
  admits(peer: PeerRef): boolean;
  /** Meets its agent; what that offers comes with the link. Rejects when there is none. */
  dial(peer: PeerRef): Promise<unknown>;
}

/**
 * Agents beside the routers that this one is peered with. There is nothing to bridge, but they may answer STUN or relay. Those that
 * our router dialled can be reached, by us at least; what dialled it may be behind a NAT, and is left alone.
 */
export class Neighbours {
  private readonly dialling = new Set<string>();
  /** Keys of those that did not answer, and until when that is held against them. */
  private readonly unanswered = new Map<string, number>();

  constructor(private readonly meeting: NeighbourMeeting) {}

  /** Dials the nearest of those that are not linked. To be called at every look, as long as somebody gains by it. */
  meet(peerings: readonly RouterPeer[]): void {
    const { clock, isLinked, admits } = this.meeting;
    for (const [key, until] of this.unanswered) if (until <= clock.now()) this.unanswered.delete(key);
    const known = peerings.flatMap(({ up, inbound, key, address, latencyMs = Number.POSITIVE_INFINITY }) =>
      up && !inbound && key && address ? { key, address, latencyMs } : [],
    );
    const neighbours = new Map(known.sort((a, b) => a.latencyMs - b.latencyMs).map(({ key, address }) => [key, address]));
    let met = [...neighbours.keys()].filter((key) => isLinked(key) || this.dialling.has(key)).length;
    for (const [key, address] of neighbours) {
      if (met >= maxMet) return;
      const peer = { key, address };
      if (isLinked(key) || this.dialling.has(key) || this.unanswered.has(key) || !admits(peer)) continue;
      met += 1;
      void this.ask(peer);
    }
  }

  /** Never rejects. */
  private async ask(peer: PeerRef): Promise<void> {
    const { clock, dial } = this.meeting;
    this.dialling.add(peer.key);
    try {
      await dial(peer);
    } catch {
      // Signalling tells of it where it is news; that a router has no agent beside it is none.
      this.unanswered.set(peer.key, clock.now() + unansweredMs);
    } finally {
      this.dialling.delete(peer.key);
    }
  }
}
