import type { Path } from '../../core/strategy.js';

/** Routes that paths to peers take now. */
export class CarryingRoutes {
  /** By the peer's key, the oldest first. */
  private readonly routes = new Map<string, { readonly route: string; readonly path: Path }[]>();

  /** The route of the newest path to this peer; undefined when there is none. */
  of(peerKey: string): string | undefined {
    return this.routes.get(peerKey)?.at(-1)?.route;
  }

  /** Remembers a path until it closes. */
  add(peerKey: string, route: string, path: Path): void {
    if (path.closed) return;
    const entry = { route, path };
    this.routes.set(peerKey, [...(this.routes.get(peerKey) ?? []), entry]);
    path.once('close', () => {
      const rest = (this.routes.get(peerKey) ?? []).filter((other) => other !== entry);
      if (rest.length > 0) this.routes.set(peerKey, rest);
      else this.routes.delete(peerKey);
    });
  }
}
