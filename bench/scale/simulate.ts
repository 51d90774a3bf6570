import { onEvent } from '../../src/core/events.js';
import { SimulatedNetwork } from '../../src/testing.js';
import { Geography } from './geography.js';
import { type Inhabitant, keyOf, Population, type PopulationOptions } from './population.js';
import { RouteWatch } from './route-watch.js';
import { Traffic } from './traffic.js';

export interface ScaleOptions extends PopulationOptions {
  readonly seed: string;
  /** Until links and paths are there, in minutes; nothing is counted then. */
  readonly warmUpMinutes: number;
  /** After that, beginning with the new relay. */
  readonly minutes: number;
  /** Part of the nodes that goes away in an hour. */
  readonly churn: number;
}

export interface ScaleFigures extends PopulationOptions {
  readonly minutes: number;
  /** Links that a node has, on the average. */
  readonly links: number;
  /** Of one node in a minute, sent over the overlay; bytes with the headers of IPv6 and TCP. */
  readonly messages: number;
  readonly bytes: number;
  /** Of one node, after a collection of garbage where that can be asked for, in bytes. */
  readonly memory: number;
  /** Of one node for a minute, in milliseconds. */
  readonly cpuMs: number;
  readonly wallSeconds: number;
  /** Seconds after the new relay has started; undefined what has not happened. */
  readonly newRelay: {
    /** Pairs that it is the best for, and clearly better than what they use. */
    readonly pairs: number;
    /** The first and half of those use it. */
    readonly firstUsedS: number | undefined;
    readonly halfUsedS: number | undefined;
    /** Half of all nodes, and nine of ten, have been told of it. */
    readonly halfToldS: number | undefined;
    readonly mostToldS: number | undefined;
  };
  /** Round trips over the relays in use, over those of the best there are: 1 is the optimum. */
  readonly routes: {
    readonly pairs: number;
    readonly median: number;
    readonly mean: number;
    readonly worstOfTwenty: number;
    /** Within a tenth or 3 ms, which is as much as is not moved for. */
    readonly near: number;
  };
}

const stepMs = 5000;
/** How long one that goes away is away on the average, in milliseconds. */
const awayMs = 10 * 60_000;

/**
 * Runs a population of whole agents on a simulated network, with nodes that come and go and a relay that is new.
 * @param say told from minute to minute how far it is
 */
export async function simulateScale(options: ScaleOptions, say: (line: string) => void = () => {}): Promise<ScaleFigures> {
  const startedAt = performance.now();
  const world = new SimulatedNetwork({ seed: options.seed, overlay: { delayMs: 60 } });
  const geography = new Geography(world, options.regions);
  const before = memory();
  const population = new Population(world, geography, options);
  const watch = new RouteWatch(geography, population);
  const traffic = new Traffic();
  let links = 0;
  const unsubscribe = onEvent((event) => {
    if (event.event === 'signalling.connected') links += 1;
    else if (event.event === 'signalling.closed') links -= 1;
    else watch.read(event);
  });
  try {
    await population.start();
    const churn = new Churn(world, population, options);
    for (let at = 0; at < options.warmUpMinutes * 60_000; at += stepMs) {
      if (at % 60_000 === 0) say(`${options.nodes} nodes: warming up, minute ${at / 60_000}, ${links} ends of links`);
      await churn.run(stepMs);
    }
    const stopCounting = world.onPacket((event) => traffic.observe(event));
    const perNode = (value: number) => value / options.nodes;
    const heap = perNode(memory() - before);
    const cpu = process.cpuUsage();
    const relay = await population.openRelay();
    traffic.lookFor(keyOf(relay.host));
    const news = new News(watch, traffic, relay, options.nodes);
    for (let at = 0; at < options.minutes * 60_000; at += stepMs) {
      if (at % 60_000 === 0) {
        const { messages, bytes, told } = traffic;
        say(
          `${options.nodes} nodes: minute ${at / 60_000}, ${messages} messages, ${bytes} bytes, ${told.size} told, ${Math.round(heap)} bytes each`,
        );
      }
      await churn.run(stepMs);
      news.look((at + stepMs) / 1000);
    }
    const { user, system } = process.cpuUsage(cpu);
    stopCounting();
    const excess = watch.pairs.flatMap((pair) => watch.excess(pair) ?? []).sort((a, b) => a - b);
    const { nodes, relays, pairs, regions, minutes } = options;
    const figures = {
      ...{ nodes, relays, pairs, regions, minutes },
      links: perNode(links),
      messages: perNode(traffic.messages) / minutes,
      bytes: perNode(traffic.bytes) / minutes,
      memory: heap,
      cpuMs: perNode((user + system) / 1000) / minutes,
      wallSeconds: (performance.now() - startedAt) / 1000,
      newRelay: news.figures,
      routes: {
        pairs: excess.length,
        median: excess[Math.floor(excess.length / 2)] ?? Number.NaN,
        mean: excess.reduce((sum, one) => sum + one, 0) / excess.length,
        worstOfTwenty: excess[Math.floor(excess.length * 0.95)] ?? Number.NaN,
        near: excess.filter((one) => one <= 1.1).length / excess.length,
      },
    };
    await world.until(Promise.all(population.everyone.map(({ node }) => node?.stop())));
    return figures;
  } finally {
    unsubscribe();
  }
}

function memory(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Lets time pass, in which nodes go away and come back. */
class Churn {
  private readonly away: { readonly inhabitant: Inhabitant; readonly until: number }[] = [];
  private readonly leaving = new Set<Promise<void>>();

  constructor(
    private readonly world: SimulatedNetwork,
    private readonly population: Population,
    private readonly options: ScaleOptions,
  ) {}

  async run(durationMs: number): Promise<void> {
    const { world, population, options } = this;
    const { random, clock } = world;
    const expected = (options.churn * options.nodes * durationMs) / 3_600_000;
    const count = Math.floor(expected) + Number(random.fraction() < expected % 1);
    for (let leaver = 0; leaver < count; leaver++) {
      const inhabitant = population.everyone[random.integer(0, options.nodes - 1)];
      if (!inhabitant?.node) continue;
      const gone = population.leave(inhabitant);
      this.leaving.add(gone);
      void gone.then(() => {
        this.leaving.delete(gone);
        this.away.push({ inhabitant, until: clock.now() - awayMs * Math.log(1 - random.fraction()) });
      });
    }
    const due = this.away.filter(({ until }) => until <= clock.now());
    for (const one of due) this.away.splice(this.away.indexOf(one), 1);
    if (due.length > 0) await world.until(Promise.all(due.map(({ inhabitant }) => population.comeBack(inhabitant))));
    await world.run(durationMs);
    for (const { node } of population.everyone) if (node) node.events.length = 0;
  }
}

/** When the new relay has become known and used. */
class News {
  private firstUsedS: number | undefined;
  private halfUsedS: number | undefined;
  private halfToldS: number | undefined;
  private mostToldS: number | undefined;
  private readonly pairs: RouteWatch['pairs'];

  constructor(
    private readonly watch: RouteWatch,
    private readonly traffic: Traffic,
    private readonly relay: Inhabitant,
    private readonly nodes: number,
  ) {
    this.pairs = watch.pairs.filter((pair) => watch.isWorthMoving(pair, relay));
  }

  look(nowS: number): void {
    const { watch, traffic, relay, nodes, pairs } = this;
    const using = pairs.filter((pair) => watch.uses(pair, relay.host)).length;
    if (using > 0) this.firstUsedS ??= nowS;
    if (using > 0 && using >= pairs.length / 2) this.halfUsedS ??= nowS;
    if (traffic.told.size >= nodes / 2) this.halfToldS ??= nowS;
    if (traffic.told.size >= nodes * 0.9) this.mostToldS ??= nowS;
  }

  get figures(): ScaleFigures['newRelay'] {
    const { firstUsedS, halfUsedS, halfToldS, mostToldS } = this;
    return { pairs: this.pairs.length, firstUsedS, halfUsedS, halfToldS, mostToldS };
  }
}
