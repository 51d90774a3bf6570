import { type AgentSettings, type Host, type SimulatedNetwork, SimulatedNode } from '../../src/testing.js';
import { acquaintanceGraph } from './acquaintance-graph.js';
import { type Contact, contacts } from './contacts.js';
import type { Geography } from './geography.js';

/** Agents that start at once. */
const batch = 100;

export interface PopulationOptions {
  readonly nodes: number;
  /** How many of them relay for others. */
  readonly relays: number;
  /** Pairs of nodes that have nothing but a relay to meet at, and want a path. */
  readonly pairs: number;
  readonly regions: number;
}

export interface Inhabitant {
  readonly host: Host;
  readonly relays: boolean;
  readonly region: number;
  /** Set while it runs. */
  node: SimulatedNode | undefined;
}

/** Two that want a path. */
export type Pair = readonly [Inhabitant, Inhabitant];

/** One line of an access network takes so long, in milliseconds: a home's from this to that, and a relay's. */
const homeMs = { least: 2, most: 15 };
const relayMs = { least: 1, most: 6 };

/** Whole agents, linked with those that they have sessions with. Some relay, and some pairs want a path over a relay. */
export class Population {
  readonly everyone: Inhabitant[] = [];
  readonly pairs: readonly Pair[];
  private readonly contacts = new Map<Inhabitant, Contact[]>();
  private readonly directory = new Map<string, string>();
  /** Those that are away. */
  private readonly gone = new Map<Inhabitant, SimulatedNode | undefined>();

  constructor(
    private readonly world: SimulatedNetwork,
    private readonly geography: Geography,
    private readonly options: PopulationOptions,
  ) {
    const { nodes, relays, pairs } = options;
    const { random } = world;
    const every = Math.floor(nodes / relays);
    for (let index = 0; index < nodes; index++) this.settle(index % every === every - 1 && index / every < relays);
    for (const [one, other] of acquaintanceGraph(nodes, random)) this.acquaint(this.at(one), this.at(other), 'services');
    const ordinary = this.everyone.filter((each) => !each.relays);
    const drawn = new Set<Inhabitant>();
    while (drawn.size < 2 * pairs) drawn.add(ordinary[random.integer(0, ordinary.length - 1)] as Inhabitant);
    const ends = [...drawn];
    this.pairs = Array.from({ length: pairs }, (_, index) => [ends[2 * index], ends[2 * index + 1]] as unknown as Pair);
    for (const [one, other] of this.pairs) this.acquaint(one, other, 'path');
  }

  /** Starts all of them. */
  async start(): Promise<void> {
    for (let from = 0; from < this.everyone.length; from += batch) {
      await this.world.until(Promise.all(this.everyone.slice(from, from + batch).map((each) => this.run(each))));
    }
  }

  /** One more relay where it is needed most, nearer to its region's towns than any other, and linked with two of all nodes. */
  async openRelay(): Promise<Inhabitant> {
    const relay = this.settle(true, this.neediestRegion(), relayMs.least / 4);
    const { random } = this.world;
    for (const other of [random, random].map(() => this.at(random.integer(0, this.options.nodes - 1)))) {
      this.acquaint(relay, other, 'services');
    }
    await this.world.until(this.run(relay));
    return relay;
  }

  /** It is gone, and nobody is told. */
  async leave(inhabitant: Inhabitant): Promise<void> {
    const { node, host } = inhabitant;
    inhabitant.node = undefined;
    host.leaveOverlay();
    await node?.stop();
    this.gone.set(inhabitant, node);
  }

  /** It comes back, with what it has on its disk. */
  async comeBack(inhabitant: Inhabitant): Promise<void> {
    const node = this.gone.get(inhabitant);
    if (!node) return;
    this.gone.delete(inhabitant);
    inhabitant.host.joinOverlay(node.router.address);
    await node.restart();
    inhabitant.node = node;
  }

  /** Of those with the fewest relays the one with the most ends of pairs. */
  private neediestRegion(): number {
    const { regions } = this.options;
    const ends = this.pairs.flat();
    const needs = Array.from({ length: regions }, (_, region) => {
      const relays = this.everyone.filter((each) => each.relays && each.region === region).length;
      return { region, relays, ends: ends.filter((each) => each.region === region).length };
    });
    needs.sort((a, b) => a.relays - b.relays || b.ends - a.ends);
    return needs[0]?.region ?? 0;
  }

  private at(index: number): Inhabitant {
    const one = this.everyone[index];
    if (!one) throw new RangeError(`There is no node ${index}.`);
    return one;
  }

  private settle(relays: boolean, region?: number, accessMs?: number): Inhabitant {
    const { random } = this.world;
    const { least, most } = relays ? relayMs : homeMs;
    const where = region ?? random.integer(0, this.options.regions - 1);
    const host = this.geography.settle(
      `${relays ? 'relay' : 'node'} ${this.everyone.length}`,
      where,
      accessMs ?? least + random.fraction() * (most - least),
    );
    const inhabitant = { host, relays, region: where, node: undefined };
    this.everyone.push(inhabitant);
    return inhabitant;
  }

  private acquaint(one: Inhabitant, other: Inhabitant, purpose: Contact['purpose']): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const known = this.contacts.get(from) ?? [];
      this.contacts.set(from, known);
      known.push({ key: keyOf(to.host), purpose });
    }
  }

  private async run(inhabitant: Inhabitant): Promise<void> {
    const settings: AgentSettings = {
      strategies: ['relay'],
      relay: { use: 'always', volunteer: { enabled: inhabitant.relays } },
      stunResponder: { enabled: inhabitant.relays },
      sessions: { pollInterval: '10s' },
      discovery: ['gossip', 'contacts'],
    };
    const source = contacts(this.contacts.get(inhabitant) ?? []);
    inhabitant.node = await SimulatedNode.start(inhabitant.host, this.directory, settings, [], [source]);
  }
}

/** The key that the router of a host will have. */
export function keyOf(host: Host): string {
  return Buffer.from(host.random.fork('key').bytes(32)).toString('hex');
}
