import { inject, injectable } from 'tsyringe';
import type { Clock } from '../clock.js';
import { permits } from '../config/permits.js';
import { describeError, SignallingError } from '../errors.js';
import type { EventSource, PeerRef } from '../events.js';
import type { ByteStream } from '../net.js';
import { News } from '../news.js';
import { isOverlayAddress } from '../overlay-address.js';
import { RateLimit } from '../rate-limit.js';
import { type Settings, tokens } from '../tokens.js';
import { MessageStream } from './message-stream.js';
import { SignallingLinks } from './signalling-links.js';

/** Connections one address may have that have not said hello. */
const greetingsPerAddress = 2;
/** Connections one node may open at once, and how many a second after that. An agent that redials rests between its tries. */
const knocks = { burst: 30, perSecond: 0.5, sources: 4096 };

/** Says who may speak with this agent: who connects, by the address, before a byte is read; a peer, once it has told its key. */
@injectable()
export class Admission {
  /** Asked when there are as many links as there may be: gives one up, or says no. */
  makeRoom: (() => boolean) | undefined;

  private readonly greetings = new Map<string, number>();
  private readonly knocks: RateLimit;
  private readonly news: News;

  constructor(
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(SignallingLinks) private readonly links: SignallingLinks,
  ) {
    this.knocks = new RateLimit({ clock, ...knocks });
    this.news = new News(clock);
  }

  /** May who connected say hello? If not, the connection is ended. */
  admits(stream: ByteStream, remote: string): boolean {
    const refuse = (error: SignallingError, subject = remote) => {
      stream.destroy();
      this.report(remote, error, subject);
      return false;
    };
    if (!isNodeAddress(remote)) {
      // Anyone may have 2^64 addresses in a routed subnet: they share one line in the log.
      return refuse(new SignallingError('SIGNALLING_NOT_ALLOWED', `${remote} is not the address of a node.`), 'no node');
    }
    if (!this.knocks.take(remote)) {
      return refuse(new SignallingError('SIGNALLING_TOO_MANY', `${remote} connects over and over.`));
    }
    if (!permits(this.settings.current, { address: remote })) {
      // It is told why, and nothing of who is here.
      const refusal = notAllowed(remote);
      const parting = new MessageStream(stream, this.clock, { onMessage() {}, onClose() {} });
      parting.send({ type: 'bye', reason: refusal.message });
      parting.close();
      this.report(remote, refusal);
      return false;
    }
    const held = [...this.greetings.values()].reduce((sum, count) => sum + count, this.links.size);
    if ((this.greetings.get(remote) ?? 0) >= greetingsPerAddress || held >= this.settings.current.signalling.maxConnections) {
      return refuse(
        new SignallingError('SIGNALLING_TOO_MANY', `${remote} opened more signalling connections than may wait for a hello.`),
      );
    }
    return true;
  }

  /** Counts a greeting, whoever dialled. @returns to be called when it is over */
  greetingBegins(remote: string): () => void {
    this.greetings.set(remote, (this.greetings.get(remote) ?? 0) + 1);
    return () => {
      const left = (this.greetings.get(remote) ?? 1) - 1;
      if (left > 0) this.greetings.set(remote, left);
      else this.greetings.delete(remote);
    };
  }

  /** @param visits it comes for a question alone @throws SignallingError when this peer is not to have a link */
  checkPeer({ key, address }: PeerRef, { visits }: { readonly visits: boolean }): void {
    if (!permits(this.settings.current, { key, address })) throw notAllowed(address);
    const full = this.links.size >= this.settings.current.signalling.maxPeers;
    // Visitors are many, and go elsewhere: were they to take each other's places, none would keep its own.
    if (full && !this.links.with(key) && (visits || !this.makeRoom?.())) {
      throw new SignallingError('SIGNALLING_TOO_MANY', `There are ${this.links.size} peers already.`);
    }
  }

  /** Says what was refused, but not for every connection of one that goes on knocking. */
  report(remote: string, error: unknown, subject = remote): void {
    const failure = describeError(error);
    if (this.news.isNew(`${subject} ${failure.code}`)) this.events.publish('signalling.failed', { ...failure, remote });
  }
}

function notAllowed(remote: string): SignallingError {
  return new SignallingError('SIGNALLING_NOT_ALLOWED', `${remote} is not permitted by allow and deny.`);
}

/** Is it a node's own address (200::/8)? Those of the subnets that nodes route (300::/8) derive from no key. */
function isNodeAddress(address: string): boolean {
  return isOverlayAddress(address) && address.startsWith('2');
}
