import type { Clock } from './clock.js';
import type { PeerRef } from './events.js';
import type { RouterPeer } from './router.js';

/** AdjacentAgents that are linked or being dialled at once. */
const maxMet = 4;
/** How long one is left alone after it was asked, in milliseconds: most routers have no agent beside them. */
const pauseMs = 10 * 60_000;

export interface AdjacentMeeting {
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
export class AdjacentAgents {
  private readonly dialling = new Set<string>();
  private readonly asked = new Map<string, { readonly answered: boolean; readonly until: number }>();

  constructor(private readonly meeting: AdjacentMeeting) {}

  /** Dials the nearest of those that are not linked. @param again also those that have answered before, and whose link is gone */
  meet(peerings: readonly RouterPeer[], { again }: { readonly again: boolean }): void {
    const { clock, isLinked, admits } = this.meeting;
    for (const [key, { until }] of this.asked) if (until <= clock.now()) this.asked.delete(key);
    const known = peerings.flatMap(({ up, inbound, key, address, latencyMs = Number.POSITIVE_INFINITY }) =>
      up && !inbound && key && address ? { key, address, latencyMs } : [],
    );
    known.sort((a, b) => a.latencyMs - b.latencyMs);
    const isMet = ({ key }: PeerRef) => isLinked(key) || this.dialling.has(key);
    const isLeftAlone = ({ key }: PeerRef) => this.asked.has(key) && !(again && this.asked.get(key)?.answered);
    let room = maxMet - known.filter(isMet).length;
    for (const { key, address } of known) {
      const peer = { key, address };
      if (isMet(peer) || isLeftAlone(peer) || !admits(peer)) continue;
      if (room-- <= 0) return;
      void this.ask(peer);
    }
  }

  private async ask(peer: PeerRef): Promise<void> {
    const { clock, dial } = this.meeting;
    this.dialling.add(peer.key);
    const answered = await dial(peer).then(
      () => true,
      () => false,
    );
    this.dialling.delete(peer.key);
    this.asked.set(peer.key, { answered, until: clock.now() + pauseMs });
  }
}
