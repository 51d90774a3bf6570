import type { Host, SimulatedNetwork, Site } from '../../src/testing.js';

/** Hosts that one town takes: those of one subnet. */
const perTown = 200;
/** One way from a region's centre to the internet's, in milliseconds: from this to that, evenly. */
const regionMs = { nearest: 5, farthest: 60 };
const townMs = 0.5;

interface Region {
  readonly site: Site;
  readonly centreMs: number;
  town: { readonly site: Site; hosts: number } | undefined;
}

interface Place {
  readonly region: Region;
  readonly town: Site;
  readonly accessMs: number;
}

/** Where hosts are: in towns of regions, each with a line of its own. What a packet takes follows from that, as the simulated network has it. */
export class Geography {
  private readonly regions: readonly Region[];
  private readonly places = new Map<Host, Place>();

  constructor(world: SimulatedNetwork, regions: number) {
    const step = (regionMs.farthest - regionMs.nearest) / Math.max(1, regions - 1);
    this.regions = Array.from({ length: regions }, (_, index) => {
      const centreMs = regionMs.nearest + index * step;
      return { site: world.subnet({ uplink: { delayMs: centreMs } }), centreMs, town: undefined };
    });
  }

  /** @param region its number, from 0 on @param accessMs one way over its own line */
  settle(name: string, region: number, accessMs: number): Host {
    const where = this.regions[region % this.regions.length];
    if (!where) throw new RangeError('There are no regions.');
    if (!where.town || where.town.hosts >= perTown)
      where.town = { site: where.site.subnet({ uplink: { delayMs: townMs } }), hosts: 0 };
    where.town.hosts += 1;
    const host = where.town.site.host(name, { line: { delayMs: accessMs } });
    this.places.set(host, { region: where, town: where.town.site, accessMs });
    return host;
  }

  /** Round trip between two hosts, in milliseconds. */
  rttMs(one: Host, other: Host): number {
    const [a, b] = [this.places.get(one), this.places.get(other)];
    if (!a || !b) throw new RangeError('A host of another network.');
    const within = a.accessMs + b.accessMs;
    if (a.town === b.town) return 2 * within;
    if (a.region === b.region) return 2 * (within + 2 * townMs);
    return 2 * (within + 2 * townMs + a.region.centreMs + b.region.centreMs);
  }
}
