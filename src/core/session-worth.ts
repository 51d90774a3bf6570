import { inject, injectable } from 'tsyringe';
import { unlessAborted } from './aborted.js';
import { Discovery } from './discovery.js';
import type { MeetingPurpose } from './discovery-source.js';
import { StrategyError } from './errors.js';
import { Peerings } from './peerings.js';
import { SignallingLinks } from './signalling/signalling-links.js';
import { type Settings, tokens } from './tokens.js';
import type { WatchedSession } from './watched-session.js';

/** Judges what a session is worth: a bridge, no more than a link, or nothing at all. */
@injectable()
export class SessionWorth {
  constructor(
    @inject(Discovery) private readonly discovery: Discovery,
    @inject(Peerings) private readonly peerings: Peerings,
    @inject(SignallingLinks) private readonly links: SignallingLinks,
    @inject(tokens.settings) private readonly settings: Settings,
  ) {}

  /** Is there reason to dial the peer or, once there is a link, for a bridge? */
  deserves(session: WatchedSession): boolean {
    const purpose = this.purposeOf(session.key);
    if (purpose === 'path' || (purpose === 'services' && !this.links.with(session.key))) return true;
    const { foreignBytes, rate } = session.activity;
    return (
      (session.invited || this.isHeld(session) || foreignBytes > session.spentBytes) &&
      rate >= this.settings.current.sessions.minTraffic
    );
  }

  /** Resolves once there is traffic that has come since our last try: a session that only we keep alive may end. */
  async untilDeserved(session: WatchedSession, signal: AbortSignal): Promise<void> {
    if (this.deserves(session)) return signal.throwIfAborted();
    let resume = () => {};
    const deserved = new Promise<void>((resolve) => {
      resume = resolve;
    });
    session.waiting.add(resume);
    await unlessAborted(deserved, signal).finally(() => session.waiting.delete(resume));
  }

  /** Something has happened: those who wait for the session to deserve it go on when it does. */
  review(session: WatchedSession): void {
    if (session.waiting.size > 0 && this.deserves(session)) for (const resume of session.waiting) resume();
  }

  /** Is a bridge deserved and not there, so that what others can tell or carry may help? */
  needsHelp(session: WatchedSession): boolean {
    return !session.peer?.bridged && !this.peerings.has(session.key) && this.deserves(session);
  }

  /** Is it kept though it carries nothing, because one of the ends wants it? */
  isKept(session: WatchedSession): boolean {
    const link = this.links.with(session.key);
    return link?.held || link?.identity.visits || this.discovery.wants(session.key);
  }

  /** Is a link with this peer no reason for a bridge, whoever came to whom? */
  isVisit(session: WatchedSession): boolean {
    return this.isVisited(session) || this.purposeOf(session.key) === 'services';
  }

  /** What the discovery sources want this peer for. Where the routers are peered directly there is no better path to be had. */
  purposeOf(key: string): MeetingPurpose | undefined {
    const purpose = this.discovery.purposeOf(key);
    return purpose && this.peerings.has(key) ? 'services' : purpose;
  }

  /** Why no path to this peer is wanted, if none is. */
  refusal({ key, activity }: WatchedSession): StrategyError | undefined {
    if (this.peerings.has(key)) return new StrategyError('ALREADY_PEERED', 'The routers are peered directly.');
    if (this.purposeOf(key) !== 'path' && activity.rate < this.settings.current.sessions.minTraffic) {
      return new StrategyError('BELOW_THRESHOLD', 'The session has less traffic than asked for.');
    }
    return undefined;
  }

  /** Was the peer told of this end, so that it wants the bridge whatever goes over it? */
  private isHeld({ key }: WatchedSession): boolean {
    return this.links.with(key)?.held ?? false;
  }

  /** Has the peer come for our services alone? Then its link is kept, too. */
  private isVisited({ key }: WatchedSession): boolean {
    return this.links.with(key)?.identity.visits ?? false;
  }
}
