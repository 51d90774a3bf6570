import { inject, injectable } from 'tsyringe';
import { Bridges } from './bridge.js';
import type { Clock } from './clock.js';
import type { Router, RouterPeer } from './router.js';
import { tokens } from './tokens.js';

/** How old what is known of them may be, in milliseconds. */
const freshMs = 60_000;

/** The router's own peerings, less our bridges, as they were at the last look: nobody is to get a bridge beside one. */
@injectable()
export class Peerings {
  private known: readonly RouterPeer[] = [];
  private keys: ReadonlySet<string> = new Set();
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    @inject(tokens.router) private readonly router: Router,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(Bridges) private readonly bridges: Bridges,
  ) {}

  /** Those that are up. */
  get all(): readonly RouterPeer[] {
    return this.known;
  }

  /** Is a look due, whoever needs one? */
  get isOutdated(): boolean {
    return this.clock.now() - this.lookedAt >= freshMs;
  }

  /** Is this node, 64 hex digits, a neighbour without our doing? */
  has(key: string): boolean {
    return this.keys.has(key);
  }

  /** @throws AdminError */
  async look(signal: AbortSignal): Promise<void> {
    const isOwnPeering = ({ up, key, uri }: RouterPeer) => up && key !== undefined && (!uri || !this.bridges.owns(uri));
    this.known = await this.router.peers(signal, isOwnPeering);
    this.lookedAt = this.clock.now();
    this.keys = new Set(this.known.flatMap(({ key }) => key ?? []));
  }

  /** The next look is due at once: it may be another router. */
  expire(): void {
    this.lookedAt = Number.NEGATIVE_INFINITY;
  }
}
