import { createHash } from 'node:crypto';
import { type Clock, sleep } from '../core/clock.js';
import { formatRelayUri, parseRelayUri, type RelayUri } from '../core/config/relay-uri.js';
import { describeError } from '../core/errors.js';
import type { PeerRef } from '../core/events.js';
import { formatEndpoint } from '../core/format-endpoint.js';
import type { KeptFilePlace } from '../core/kept-file.js';
import type { Net } from '../core/net.js';
import { addressOf } from '../core/overlay-address.js';
import type { Random } from '../core/random.js';
import { isPublicAddress } from '../core/reach.js';
import { maxToldRelays, type RelayHearsay } from '../core/relay-hearsay.js';
import { Rumours } from '../discovery/gossip/rumours.js';
import { guestOf, mayLetIn } from './invite.js';
import { type LearntRelay, LearntRelayFile, mostLearnt } from './learnt-relay-file.js';

/** How long a relay that has answered counts, how long until it is asked again, and one that has not, in milliseconds. */
const lifetimeMs = 24 * 3_600_000;
const freshMs = 6 * 3_600_000;
const missedMs = 10 * 60_000;
/** Relays that did not answer that are remembered. */
const mostMissed = 256;
/** How often it is looked what is to be done; one relay is asked at a time. In milliseconds. */
const lookEveryMs = 1000;

export interface RelayBookParts extends KeptFilePlace {
  readonly net: Pick<Net, 'resolve'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Relays that the operator named, as they are now. */
  readonly named: () => readonly RelayUri[];
  /** Connects to a relay once, to see that it has its key. @throws why it has not, as far as it is known */
  readonly confirm: (relay: RelayUri, signal: AbortSignal) => Promise<void>;
}

/** Relays without a router that this agent knows, by its operator or because others told it. What is told is asked itself, once, before it counts. */
export class RelayBook implements RelayHearsay {
  changes = 0;
  /** Called when a relay has been learnt of. */
  onLearnt: (() => void) | undefined;
  /** By place. */
  private readonly learnt = new Map<string, LearntRelay>();
  /** Where the operator's are, as far as the internet reaches them there, by their URI. */
  private readonly answering = new Map<string, { readonly relay: RelayUri; readonly confirmedAt: number }>();
  /** Places and URIs that did not answer, and when that was; the one longest ago first. */
  private readonly missed = new Map<string, number>();
  private readonly rumours: Rumours;
  private readonly file: LearntRelayFile;

  constructor(private readonly parts: RelayBookParts) {
    const { clock, random } = parts;
    this.rumours = new Rumours(clock, random);
    this.file = new LearntRelayFile(parts);
  }

  /** Those that others told of and that have answered: at most {@link mostLearnt}. */
  get list(): readonly RelayUri[] {
    return [...this.learnt.values()].filter(({ confirmedAt }) => this.age(confirmedAt) < lifetimeMs);
  }

  tellable({ key }: PeerRef): readonly RelayUri[] {
    const { learnt, answering } = this;
    const confirmed = [...[...answering.values()].map(({ relay }) => relay), ...learnt.values()].filter(mayLetIn);
    // The same peer is the same guest each time.
    const guest = createHash('sha256').update(key).digest('hex').slice(0, 8);
    return confirmed.slice(0, maxToldRelays).map((relay) => ({ host: relay.host, port: relay.port, ...guestOf(relay, guest) }));
  }

  hear(from: PeerRef, relays: readonly RelayUri[]): void {
    const usable = relays.filter(({ host, port }) => isPublicAddress(host) && port >= 1024);
    if (usable.length === 0) return;
    this.rumours.hear(
      from.key,
      usable.map((relay) => ({ key: formatRelayUri(relay), offers: ['relay'], ageMs: 0 })),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const relay of await this.file.read()) this.learnt.set(placeOf(relay), relay);
    this.changes += 1;
    while (!signal.aborted) {
      await this.look(signal);
      await sleep(this.parts.clock, lookEveryMs, signal).catch(() => {});
    }
  }

  /** Asks one at the most. Never rejects. */
  private async look(signal: AbortSignal): Promise<void> {
    const { clock, named } = this.parts;
    for (const [place, at] of this.missed) if (clock.now() - at > missedMs) this.missed.delete(place);
    for (const [place, { confirmedAt }] of this.learnt) if (this.age(confirmedAt) > lifetimeMs) this.learnt.delete(place);
    const uris = new Map(named().map((relay) => [formatRelayUri(relay), relay]));
    for (const uri of this.answering.keys()) if (!uris.has(uri)) this.answering.delete(uri);
    const isDue = (confirmedAt: number | undefined, place: string) =>
      (confirmedAt === undefined || this.age(confirmedAt) > freshMs) && !this.missed.has(place);
    for (const [uri, relay] of uris) {
      if (isDue(this.answering.get(uri)?.confirmedAt, uri)) return this.askNamed(uri, relay, signal);
    }
    for (const [place, relay] of this.learnt) {
      if (isDue(relay.confirmedAt, place)) return void (await this.askLearnt(relay, relay.toldBy, signal));
    }
    if (uris.size + this.learnt.size >= mostLearnt) return undefined;
    const lead = this.rumours.pick((uri) => {
      const relay = parseRelayUri(uri);
      return relay !== undefined && !this.isKnown(relay) && !this.missed.has(placeOf(relay));
    });
    const relay = lead && parseRelayUri(lead.key);
    if (lead && relay) await this.askTold(lead.key, relay, lead.toldBy, signal);
    return undefined;
  }

  /** Others are told an address, not a name, and only one that the internet reaches. */
  private async askNamed(uri: string, relay: RelayUri, signal: AbortSignal): Promise<void> {
    const addresses = await this.parts.net.resolve(relay.host, { signal }).catch(() => []);
    const host = addresses.find(isPublicAddress);
    const found = host === undefined ? undefined : { ...relay, host };
    if (!found || !(await this.answers(found, signal))) return this.miss(uri);
    if (!this.answering.has(uri)) this.changes += 1;
    this.answering.set(uri, { relay: found, confirmedAt: this.parts.clock.wallTime() });
    return undefined;
  }

  private async askLearnt(relay: RelayUri, toldBy: string, signal: AbortSignal): Promise<boolean> {
    const { host, port, name, token } = relay;
    const place = placeOf(relay);
    const isTrue = await this.answers(relay, signal);
    if (signal.aborted) return false;
    if (isTrue) {
      this.learnt.set(place, { host, port, name, token, confirmedAt: this.parts.clock.wallTime(), toldBy });
      await this.file.write(this.learntNow());
    } else this.miss(place);
    return isTrue;
  }

  private async askTold(uri: string, relay: RelayUri, toldBy: string, signal: AbortSignal): Promise<void> {
    const { log } = this.parts;
    const isTrue = await this.askLearnt(relay, toldBy, signal);
    if (signal.aborted) return;
    for (const liar of this.rumours.settle(uri, isTrue)) {
      log.warn('gossip.ignored', {
        teller: addressOf(liar),
        help: 'Relays that it told of did not answer, several times in a row. Nothing more is heard of it for an hour.',
      });
    }
    if (!isTrue) return;
    this.changes += 1;
    log.info('relay.learnt', { relay: placeOf(relay), toldBy: addressOf(toldBy) });
    this.onLearnt?.();
  }

  private async answers(relay: RelayUri, signal: AbortSignal): Promise<boolean> {
    try {
      await this.parts.confirm(relay, signal);
      return true;
    } catch (error) {
      if (!signal.aborted) this.parts.log.debug('relay.unconfirmed', { relay: placeOf(relay), ...describeError(error) });
      return false;
    }
  }

  private learntNow(): LearntRelay[] {
    return [...this.learnt.values()];
  }

  private isKnown(relay: RelayUri): boolean {
    const place = placeOf(relay);
    return this.learnt.has(place) || [...this.answering.values()].some((one) => placeOf(one.relay) === place);
  }

  private miss(place: string): void {
    this.missed.delete(place);
    this.missed.set(place, this.parts.clock.now());
    const [oldest] = this.missed.keys();
    if (this.missed.size > mostMissed && oldest !== undefined) this.missed.delete(oldest);
  }

  private age(confirmedAt: number): number {
    return this.parts.clock.wallTime() - confirmedAt;
  }
}

function placeOf({ host, port }: RelayUri): string {
  return formatEndpoint({ address: host, port });
}
