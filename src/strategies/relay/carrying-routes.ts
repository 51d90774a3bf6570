import type { Clock } from '../../core/clock.js';
import type { Path } from '../../core/strategy.js';
import type { RelayNames } from './route-choice.js';

/** How long ago a path may have ended for the next to be needed at once, in milliseconds. */
const recentMs = 5000;

/** Relays that paths to peers take now, and peers that have lost theirs. */
export class CarryingRoutes {
  /** By the peer's key, the oldest first. */
  private readonly routes = new Map<string, { readonly route: RelayNames; readonly path: Path }[]>();
  /** When the last path to a peer ended, by its key. */
  private readonly ended = new Map<string, number>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** The route of the newest path to this peer; undefined when there is none. */
  of(peerKey: string): RelayNames | undefined {
    return this.routes.get(peerKey)?.at(-1)?.route;
  }

  /** Has this peer been without a path for moments only? */
  justLost(peerKey: string): boolean {
    return !this.routes.has(peerKey) && this.clock.now() - (this.ended.get(peerKey) ?? Number.NEGATIVE_INFINITY) < recentMs;
  }

  /** Remembers a path until it closes. */
  add(peerKey: string, route: RelayNames, path: Path): void {
    if (path.closed) return;
    const entry = { route, path };
    this.routes.set(peerKey, [...(this.routes.get(peerKey) ?? []), entry]);
    path.once('close', () => {
      const rest = (this.routes.get(peerKey) ?? []).filter((other) => other !== entry);
      if (rest.length > 0) this.routes.set(peerKey, rest);
      else this.routes.delete(peerKey);
      const now = this.clock.now();
      for (const [key, at] of this.ended) if (now - at >= recentMs) this.ended.delete(key);
      this.ended.set(peerKey, now);
    });
  }
}
