import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import { keyOfToken, makeToken } from '../token.js';

/** How long a ticket opens connections, in milliseconds. */
const ticketLifetimeMs = 60_000;
/** Tickets at once; of more, the oldest no longer counts. */
const maxTickets = 1024;

/** Tokens that peers were given, each for one peer: whoever connects with it is that peer. */
export class Tickets {
  /** By identity, the oldest first. */
  private readonly issued = new Map<string, { readonly owner: string; readonly key: Uint8Array; readonly until: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** A fresh ticket, in place of the peer's last one. @param owner the peer's public key @returns the token, a secret */
  issue(owner: string): string {
    for (const [identity, ticket] of this.issued) {
      if (ticket.owner === owner || ticket.until <= this.clock.now()) this.issued.delete(identity);
    }
    const [oldest] = this.issued.keys();
    if (this.issued.size >= maxTickets && oldest !== undefined) this.issued.delete(oldest);
    const token = makeToken(this.random);
    const { identity, key } = keyOfToken(token);
    this.issued.set(identity, { owner, key, until: this.clock.now() + ticketLifetimeMs });
    return token;
  }

  find(identity: string): { readonly owner: string; readonly key: Uint8Array } | undefined {
    const ticket = this.issued.get(identity);
    return ticket && ticket.until > this.clock.now() ? ticket : undefined;
  }
}
