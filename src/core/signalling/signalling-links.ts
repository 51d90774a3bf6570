import { inject, injectable } from 'tsyringe';
import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { describeError, SignallingError } from '../errors.js';
import type { EventSource, PeerRef } from '../events.js';
import { tokens } from '../tokens.js';
import type { SignallingLink } from './link.js';

/** How long the peer may take to finish the greeting that it has begun, in milliseconds. */
const greetingTimeoutMs = 10_000;

/** The links that are up, one a peer. */
@injectable()
export class SignallingLinks {
  private readonly links = new Map<string, SignallingLink>();
  private readonly waiting = new Set<{ readonly key: string; resolve(link: SignallingLink): void }>();

  constructor(
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.events) private readonly events: EventSource,
  ) {}

  get size(): number {
    return this.links.size;
  }

  get all(): readonly SignallingLink[] {
    return [...this.links.values()];
  }

  with(key: string): SignallingLink | undefined {
    return this.links.get(key);
  }

  /**
   * Keeps one link a peer. Where ports cannot be shared both ends' dials may succeed: both then keep the one that the
   * controlling end dialled. A newer link of the same direction means that the peer lost the older one.
   * @returns the one that is kept; the other has said bye
   */
  keep(link: SignallingLink): SignallingLink {
    const { peer, role, dialled } = link.identity;
    const older = this.links.get(peer.key);
    if (older && older.identity.dialled !== dialled && dialled !== (role === 'controlling')) {
      link.bye('There is a link already.');
      return older;
    }
    this.links.set(peer.key, link);
    older?.bye('There is a newer link.');
    link.signal.addEventListener('abort', () => {
      if (this.links.get(peer.key) !== link) return;
      this.links.delete(peer.key);
      this.events.publish('signalling.closed', { peer, ...describeError(link.signal.reason) });
    });
    return link;
  }

  /** The link has been measured and may be used: hands it to who waits for it. */
  ready(link: SignallingLink): void {
    for (const waiting of this.waiting) if (waiting.key === link.peer.key) waiting.resolve(link);
  }

  /** The link with a peer, once its own dial has made one. @throws SignallingError when that takes too long, and the signal's reason */
  async next({ key, address }: PeerRef, signal: AbortSignal): Promise<SignallingLink> {
    let forget = () => {};
    const link = new Promise<SignallingLink>((resolve) => {
      const existing = this.links.get(key);
      if (existing) resolve(existing);
      const waiting = { key, resolve };
      this.waiting.add(waiting);
      forget = () => this.waiting.delete(waiting);
    });
    return await withDeadline(link, {
      clock: this.clock,
      timeoutMs: greetingTimeoutMs,
      signal,
      expired: () => new SignallingError('SIGNALLING_TIMEOUT', `${address} dialled and then said nothing.`),
    }).finally(forget);
  }
}
