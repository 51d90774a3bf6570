import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { ByteStream, Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { RateLimit } from '../../core/rate-limit.js';
import { DelaySamples, type OneWayDelays } from '../../core/routes/one-way-delay.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { askTimes, surveyQuestions } from '../../discovery/stun/time-questions.js';
import { type Place, RelayClient } from '../client.js';

/** How long what was found out about an address counts, good or bad, in milliseconds. */
const freshMs = 30_000;
/** How long one may take to answer, in milliseconds. */
const timeoutMs = 1500;
/** Addresses that are known at once, and those of them that are being asked. */
const maxKnown = 256;
const maxAsking = 16;
/** Addresses that one peer may have looked at; those that are known cost nothing. */
const perPeer = { perSecond: 0.5, burst: 14, sources: 4096 };

export interface OtherRelaysServices {
  readonly net: Pick<Net, 'connectTcp' | 'tune'>;
  readonly clock: Clock;
  readonly random: Random;
  /** May this relay connect there for a peer? */
  readonly mayBeRelay: (address: string) => boolean;
}

/**
 * Other relays, as seen from this one. It connects nowhere for a peer but to public addresses that have answered a Binding request with
 * their time, as relays of our kind do; and asks each but once in half a minute, whoever wants to know.
 */
export class OtherRelays {
  private readonly known = new Map<string, { readonly until: number; readonly delays: Promise<OneWayDelays> }>();
  private asking = 0;
  private readonly rate: RateLimit;
  private readonly client: RelayClient;
  private readonly over = new AbortController();

  constructor(private readonly services: OtherRelaysServices) {
    this.rate = new RateLimit({ clock: services.clock, ...perPeer });
    this.client = new RelayClient(services);
  }

  /**
   * What it takes to another relay and back.
   * @param owner the peer that wants to know
   * @throws StrategyError RELAY_NOT_ALLOWED, RELAY_QUOTA_REACHED, RELAY_UNREACHABLE
   */
  async delaysTo(relay: Endpoint, owner: string): Promise<OneWayDelays> {
    const { clock, mayBeRelay } = this.services;
    if (!mayBeRelay(relay.address)) throw new StrategyError('RELAY_NOT_ALLOWED', 'No relay may be at this address.');
    const name = formatEndpoint(relay);
    const known = this.known.get(name);
    if (known && known.until > clock.now()) return known.delays;
    if (this.asking >= maxAsking || !this.rate.take(owner)) {
      throw new StrategyError('RELAY_QUOTA_REACHED', 'This relay looks at no more others for now.');
    }
    const delays = this.ask(relay);
    this.known.delete(name);
    this.known.set(name, { until: clock.now() + freshMs, delays });
    const [oldest] = this.known.keys();
    if (this.known.size > maxKnown && oldest !== undefined) this.known.delete(oldest);
    return delays;
  }

  /** Connects to a place at another relay. @throws StrategyError */
  connect(place: Place, signal: AbortSignal): Promise<ByteStream> {
    return this.client.connect(place, place.token, signal);
  }

  close(): void {
    this.over.abort(new StrategyError('RELAY_LOST', 'The relay is leaving.'));
    this.client.close();
  }

  private async ask(relay: Endpoint): Promise<OneWayDelays> {
    const { net, clock, random } = this.services;
    this.asking += 1;
    const late = new AbortController();
    const signal = AbortSignal.any([this.over.signal, late.signal]);
    let stream: ByteStream | undefined;
    const ask = async () => {
      stream = await net.connectTcp({ remote: relay, timeoutMs, signal });
      const samples = new DelaySamples();
      for (const { sentAt, returnedAt, serverTimeMs } of await askTimes(stream, surveyQuestions, {
        clock,
        random,
        timeoutMs,
        signal,
      })) {
        if (serverTimeMs === undefined) throw new Error('it tells no time');
        samples.add({ sentAt, heardAt: serverTimeMs, answeredAt: serverTimeMs, returnedAt });
      }
      if (!samples.delays) throw new Error('its times are impossible');
      return samples.delays;
    };
    try {
      return await withDeadline(ask(), { clock, timeoutMs, signal, expired: () => new Error('it did not answer in time') });
    } catch (cause) {
      const why = describeError(cause).message.replace(/\.$/, '');
      throw new StrategyError('RELAY_UNREACHABLE', `The other relay cannot be used: ${why}.`, { cause });
    } finally {
      this.asking -= 1;
      late.abort();
      stream?.destroy();
    }
  }
}
