import type { Clock } from '../clock.js';
import { describeError, StrategyError } from '../errors.js';
import type { Endpoint } from '../net.js';
import type { Services } from '../peer-services.js';
import { TokenBucket } from '../token-bucket.js';
import type { Message, MessageOf } from './messages.js';

/** How often a peer may change what it offers. */
const changeRate = { burst: 5, perSecond: 1 };

/** Why a peer may refuse its relay, beside RELAY_NOT_ALLOWED. */
const refusals = ['RELAY_BYTES_SPENT', 'RELAY_TIME_SPENT'] as const;

type RelayAnswer = MessageOf<'relay-grant'> | MessageOf<'relay-refuse'>;

export interface LinkServicesOptions {
  readonly clock: Clock;
  send(message: Message): void;
  /** Waits for an answer of the peer, but not for ever. */
  within<T>(answer: Promise<T>, signal: AbortSignal, what: string): Promise<T>;
}

/** What the two ends of a link do for each other beside attempts: they tell where they answer STUN or relay, and grant leave to use it. */
export class LinkServices {
  private keep: ((services: Services) => void) | undefined;
  /** What came before anyone kept it. */
  private early: Services | undefined;
  private readonly allowance: TokenBucket;
  private readonly requests = new Map<number, (answer: RelayAnswer) => void>();
  private nextRequest = 0;
  /** Called when the peer says where this agent's STUN responder was reached. */
  onReached: ((place: Endpoint) => void) | undefined;
  private grant: () => string = () => {
    throw new StrategyError('RELAY_NOT_ALLOWED', 'This agent does not relay.');
  };

  constructor(private readonly options: LinkServicesOptions) {
    this.allowance = new TokenBucket(options.clock, changeRate);
  }

  /** Tells the peer what this agent offers, in place of what was told before. */
  tell({ stun, relay, unconfirmed }: Services): void {
    const asking = unconfirmed === undefined ? {} : { unconfirmed };
    this.options.send({ type: 'services', stun: stun.map(toWire), relay: relay.map(toWire), ...asking });
  }

  /** Tells the peer where its STUN responder was reached. */
  tellReached(place: Endpoint): void {
    this.options.send({ type: 'reached', ...toWire(place) });
  }

  /** Hands what the peer offers, now and at each change, to whoever keeps it. */
  keepBy(keep: (services: Services) => void): void {
    this.keep = keep;
    if (this.early) keep(this.early);
    this.early = undefined;
  }

  /** Asks the peer for leave to use its relay. @returns the ticket @throws StrategyError with the peer's code, SignallingError */
  async askRelay(signal: AbortSignal): Promise<string> {
    const { send, within } = this.options;
    const id = this.nextRequest++;
    const answer = new Promise<RelayAnswer>((resolve) => {
      this.requests.set(id, resolve);
    });
    try {
      send({ type: 'relay-request', id });
      const reply = await within(answer, signal, 'answer a request for its relay');
      if (reply.type === 'relay-grant') return reply.ticket;
      throw new StrategyError(
        refusals.find((code) => code === reply.code) ?? 'RELAY_NOT_ALLOWED',
        `The peer’s relay is not for us: ${reply.message} (${reply.code}).`,
      );
    } finally {
      this.requests.delete(id);
    }
  }

  /** Whom the peer's requests for this agent's relay are put to. @param grant returns a ticket, or throws a StrategyError with why not */
  grantBy(grant: () => string): void {
    this.grant = grant;
  }

  receiveServices({ stun, relay, unconfirmed }: MessageOf<'services'>): void {
    if (!this.allowance.take()) return;
    const services = { stun: stun.map(fromWire), relay: relay.map(fromWire), unconfirmed };
    if (this.keep) this.keep(services);
    else this.early = services;
  }

  receiveReached(message: MessageOf<'reached'>): void {
    if (this.allowance.take()) this.onReached?.(fromWire(message));
  }

  receiveRequest({ id }: MessageOf<'relay-request'>): void {
    try {
      this.options.send({ type: 'relay-grant', id, ticket: this.grant() });
    } catch (error) {
      const { code, message } = describeError(error);
      this.options.send({ type: 'relay-refuse', id, code, message });
    }
  }

  receiveAnswer(answer: RelayAnswer): void {
    this.requests.get(answer.id)?.(answer);
  }
}

type WireEndpoint = MessageOf<'services'>['stun'][number];

function toWire({ address, port }: Endpoint): WireEndpoint {
  return { host: address, port };
}

function fromWire({ host, port }: WireEndpoint): Endpoint {
  return { address: host, port };
}
