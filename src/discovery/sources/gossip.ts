import { z } from 'zod';
import { sleep } from '../../core/clock.js';
import { type DiscoveryContext, type DiscoveryServices, defineDiscovery } from '../../core/discovery-source.js';
import { type GossipLink, type GossipLinks, type Hearsay, maxHearsay } from '../../core/gossip-links.js';
import { addressOf } from '../../core/overlay-address.js';
import type { KnownServices, OfferedServices, ServiceKind } from '../../core/peer-services.js';
import type { RelayHearsay } from '../../core/relay-hearsay.js';
import { AcquaintanceFile } from '../gossip/acquaintance-file.js';
import { Acquaintances } from '../gossip/acquaintances.js';
import { distanceTo } from '../gossip/distance.js';
import { Rumours } from '../gossip/rumours.js';
import { Visits } from '../gossip/visits.js';

/** How often it is looked what has changed, in milliseconds. */
const lookEveryMs = 1000;
/** News of one link are told no more often than this, in milliseconds, and so many agents at once after the first time. */
const tellEveryMs = 60_000;
const mostNews = 16;
/** A link on which nothing was told for so long is told that there is nothing, in milliseconds: one to nobody ends of that. */
const heartbeatMs = 5 * 60_000;
/** The file is written no more often than this, in milliseconds. */
const writeEveryMs = 30_000;
/** Agents of which each service is wanted; who knows as many asks for no more unless it looks for nearer relays. */
const enough = 2;
/** Who relays, or has tried to open a path over a relay this recently, looks for a nearer relay so often; milliseconds. */
const recentMs = 15 * 60_000;
const nearerEveryMs = 30_000;
const kinds: readonly ServiceKind[] = ['stun', 'relay'];

export interface GossipParts {
  readonly links: GossipLinks;
  readonly services: KnownServices;
  readonly offered: Pick<OfferedServices, 'current'>;
  readonly relays: RelayHearsay;
}

/** Agents tell those they are linked with whom they have met. What is told is asked itself, over the overlay, before it is used. */
export function gossip(parts: GossipParts) {
  return defineDiscovery({
    name: 'gossip',
    apiVersion: 1,
    options: z.strictObject({
      /** Open paths to the agents that are told of, too, and not only meet those that relay or answer STUN. */
      bridge: z.boolean().default(false),
    }),
    create: ({ bridge }, services) => ({
      name: 'gossip',
      async run(context) {
        await new Gossip({ ...parts, platform: services, context, bridge }).run();
      },
    }),
  });
}

interface RunParts extends GossipParts {
  readonly platform: DiscoveryServices;
  readonly context: DiscoveryContext;
  readonly bridge: boolean;
}

function offersAnything({ offers }: Hearsay): boolean {
  return offers.length > 0;
}

/** How far a link has been told. */
interface Telling {
  changes: number;
  readonly relays: number;
  readonly at: number;
}

/** Gossip while the router is there. */
class Gossip {
  private readonly rumours: Rumours;
  private readonly visits: Visits;
  private readonly file: AcquaintanceFile;
  private acquaintances = new Acquaintances();
  private readonly tellings = new WeakMap<GossipLink, Telling>();
  private nearerAt = 0;
  private written = { changes: 0, at: Number.NEGATIVE_INFINITY };

  constructor(private readonly parts: RunParts) {
    const { platform, context, services, bridge } = parts;
    const { clock, random } = platform;
    this.rumours = new Rumours(clock, random);
    this.file = new AcquaintanceFile(platform);
    const settled = (key: string, isTrue: boolean) => this.settle(key, isTrue);
    this.visits = new Visits({
      ...{ clock, services, context, bridge, settled },
      distanceTo: (relay, signal) => distanceTo(relay, platform, signal),
    });
  }

  async run(): Promise<void> {
    const { links, relays, platform, context } = this.parts;
    // From now on hello says that this agent gossips.
    links.onHeard = (from, agents, told) => {
      this.rumours.hear(from.key, this.parts.bridge ? agents : agents.filter(offersAnything));
      relays.hear(from, told);
    };
    const relaysTried = relays.run(context.signal);
    try {
      this.acquaintances = new Acquaintances(await this.file.read());
      this.written.changes = this.acquaintances.changes;
      while (!context.signal.aborted) {
        this.look();
        await sleep(platform.clock, lookEveryMs, context.signal).catch(() => {});
      }
      await this.write();
    } finally {
      links.onHeard = undefined;
      await relaysTried;
    }
  }

  private look(): void {
    const { clock } = this.parts.platform;
    this.meet(clock.wallTime());
    this.tell(clock.now(), clock.wallTime());
    this.visits.tend();
    while (this.visits.hasRoom && this.ask(clock.wallTime()));
    if (clock.now() - this.written.at >= writeEveryMs) void this.write();
  }

  /** Only of those that gossip themselves anything is told. */
  private meet(metAt: number): void {
    const { links, services } = this.parts;
    for (const { peer } of links.current) {
      const offers = services.offersOf(peer.key);
      if (offers) this.acquaintances.meet({ key: peer.key, offers, metAt, toldBy: this.visits.tellerOf(peer.key) });
    }
  }

  private tell(now: number, wallTime: number): void {
    const { changes } = this.acquaintances;
    const { relays } = this.parts;
    for (const link of this.parts.links.current) {
      const before = this.tellings.get(link);
      const isToldRelays = before?.relays === relays.changes;
      const isToldAll = isToldRelays && before?.changes === changes;
      if (before && now - before.at < (isToldAll ? heartbeatMs : tellEveryMs)) continue;
      const news = this.acquaintances.news(before?.changes ?? 0, wallTime).filter(({ key }) => key !== link.peer.key);
      if (news.length === 0 && isToldRelays && before && now - before.at < heartbeatMs) {
        before.changes = changes;
        continue;
      }
      link.tell(news.slice(0, before ? mostNews : maxHearsay), isToldRelays ? [] : relays.tellable(link.peer));
      this.tellings.set(link, { changes, relays: relays.changes, at: now });
    }
  }

  /** Asks one agent more, if one is of use. */
  private ask(wallTime: number): boolean {
    const { bridge, context, services } = this.parts;
    const needed = kinds.filter((kind) => new Set(services.of(kind).map(({ peer }) => peer.key)).size < enough);
    const looksNearer = needed.length === 0 && this.usesRelays && this.nearerAt <= this.parts.platform.clock.now();
    if (needed.length === 0 && !bridge && !looksNearer) return false;
    const wanted = looksNearer ? ['relay'] : needed;
    const isOfUse = (key: string, offers: readonly ServiceKind[]) => {
      if (key === context.self.key || this.visits.has(key) || services.offersOf(key)) return false;
      return bridge || offers.some((kind) => wanted.includes(kind));
    };
    const known = () => this.acquaintances.list(wallTime).find(({ key, offers }) => isOfUse(key, offers));
    const isNew = (key: string, offers: readonly ServiceKind[]) => isOfUse(key, offers) && !this.acquaintances.has(key);
    const lead = looksNearer ? (this.rumours.newest(isNew) ?? known()) : (known() ?? this.rumours.pick(isOfUse));
    if (looksNearer) this.nearerAt = this.parts.platform.clock.now() + nearerEveryMs;
    if (lead) this.visits.begin(lead.key, lead.toldBy);
    return lead !== undefined;
  }

  /** Is it worth the questions to have the nearest relays? */
  private get usesRelays(): boolean {
    const { offered, services, platform } = this.parts;
    return offered.current.relay.length > 0 || platform.clock.now() - services.relaysAskedForAt < recentMs;
  }

  private settle(key: string, isTrue: boolean): void {
    for (const liar of this.rumours.settle(key, isTrue)) {
      this.parts.platform.log.warn('gossip.ignored', {
        teller: addressOf(liar),
        help: 'What it told of other agents was false several times in a row. Nothing more is heard of it for an hour.',
      });
    }
  }

  private async write(): Promise<void> {
    const { changes } = this.acquaintances;
    const { clock } = this.parts.platform;
    if (changes === this.written.changes) return;
    this.written = { changes, at: clock.now() };
    await this.file.write([...this.acquaintances.list(clock.wallTime())].reverse());
  }
}
