import type { Endpoint } from '../../core/net.js';
import type { Dependence, Known, NatBehaviour } from './behaviour.js';
import { type PortSample, portAllocationOf } from './port-allocation.js';

/** What a server saw of one of our sockets. */
export interface MappingSample {
  /** Our socket, by its own address and port. */
  readonly local: Endpoint;
  readonly server: Endpoint;
  readonly mapped: Endpoint;
}

/**
 * Whether an answer from elsewhere came in, after one from where we had sent to (RFC 5780 §4.4): from another address and port
 * (test II), or from another port of the same address (test III).
 */
export interface FilteringSample {
  readonly from: 'other-address' | 'other-port';
  readonly answered: boolean;
}

/** Concludes how the NAT in front of us behaves from samples, in the order in which they were taken. Knows no network. */
export class NatClassifier {
  private readonly mappings: MappingSample[] = [];
  private readonly answered = new Map<FilteringSample['from'], boolean>();
  private hairpinning: Known = 'unknown';
  private aliveMs: number | undefined;
  private goneMs: number | undefined;

  addMapping(sample: MappingSample): void {
    this.mappings.push(sample);
  }

  addFiltering({ from, answered }: FilteringSample): void {
    this.answered.set(from, answered || this.answered.get(from) === true);
  }

  /** @param reached what one of our sockets sent to the external address of another arrived */
  addHairpin(reached: boolean): void {
    if (this.hairpinning !== 'yes') this.hairpinning = reached ? 'yes' : 'no';
  }

  /** @param alive a mapping that had been idle for so long still let an answer in */
  addIdle(idleMs: number, alive: boolean): void {
    if (alive) this.aliveMs = Math.max(this.aliveMs ?? 0, idleMs);
    else this.goneMs = Math.min(this.goneMs ?? Number.POSITIVE_INFINITY, idleMs);
  }

  /** What follows from the samples so far. */
  get behaviour(): NatBehaviour {
    const doubtful = outvoted(this.mappings);
    const trusted = this.mappings.filter(({ server }) => !doubtful.has(server.address));
    const allocation = portAllocationOf(allocations(trusted));
    const [mapping, filtering] = [mappingOf(trusted), this.filtering()];
    // Where both depend on the destination, two sockets behind the NAT meet the filter before they can show that it lets them meet.
    const inconclusive = !['endpoint-independent', 'unknown'].includes(mapping) && filtering !== 'endpoint-independent';
    return {
      translated: known(trusted, ({ local, mapped }) => !same(local, mapped)),
      mapping,
      filtering,
      hairpinning: this.hairpinning === 'no' && inconclusive ? 'unknown' : this.hairpinning,
      portPreservation: known(trusted, () => allocation.kind === 'preserving'),
      portAllocation: allocation,
      severalAddresses: severalAddresses(trusted),
      lifetime: {
        ...(this.aliveMs === undefined ? {} : { aliveMs: this.aliveMs }),
        ...(this.goneMs === undefined ? {} : { goneMs: this.goneMs }),
      },
      doubtful: [...doubtful],
    };
  }

  private filtering(): Dependence {
    const [otherAddress, otherPort] = [this.answered.get('other-address'), this.answered.get('other-port')];
    if (otherAddress) return 'endpoint-independent';
    if (otherPort) return otherAddress === false ? 'address-dependent' : 'unknown';
    if (otherPort === false) return 'address-and-port-dependent';
    return otherAddress === false ? 'endpoint-dependent' : 'unknown';
  }
}

/**
 * Addresses of servers that tell of a socket what most do not: each must be alone with it against two or more that agree, as no
 * NAT whose mappings depend on the destination gives two servers the same but by chance.
 */
function outvoted(samples: readonly MappingSample[]): Set<string> {
  const doubtful = new Set<string>();
  for (const ofSocket of bySocket(samples)) {
    const voters = new Map<string, Set<string>>();
    for (const { server, mapped } of ofSocket) {
      const key = `${mapped.address} ${mapped.port}`;
      voters.set(key, (voters.get(key) ?? new Set()).add(server.address));
    }
    const servers = new Set(ofSocket.map(({ server }) => server.address));
    const majority = [...voters.values()].find(({ size }) => size >= 2 && size > servers.size / 2);
    for (const server of majority ? servers : []) if (!majority?.has(server)) doubtful.add(server);
  }
  return doubtful;
}

function mappingOf(samples: readonly MappingSample[]): Dependence {
  const pairs = [...bySocket(samples)].flatMap(pairsOf);
  const sameAddress = pairs.filter(([a, b]) => a.server.address === b.server.address && a.server.port !== b.server.port);
  const otherAddress = pairs.filter(([a, b]) => a.server.address !== b.server.address);
  const differ = ([a, b]: readonly [MappingSample, MappingSample]) => !same(a.mapped, b.mapped);
  if (sameAddress.some(differ)) return 'address-and-port-dependent';
  if (otherAddress.some(differ)) return sameAddress.length > 0 ? 'address-dependent' : 'endpoint-dependent';
  return otherAddress.length > 0 ? 'endpoint-independent' : 'unknown';
}

/** Mappings in the order in which they were made: what several servers see as one is one. */
function allocations(samples: readonly MappingSample[]): PortSample[] {
  const seen = new Map<string, PortSample>();
  for (const { local, mapped } of samples) {
    const key = `${local.address} ${local.port} ${mapped.address} ${mapped.port}`;
    if (!seen.has(key)) seen.set(key, { local: local.port, external: mapped.port });
  }
  return [...seen.values()];
}

function severalAddresses(samples: readonly MappingSample[]): Known {
  if (new Set(samples.map(({ mapped }) => mapped.address)).size > 1) return 'yes';
  return samples.length > 1 ? 'no' : 'unknown';
}

function known(samples: readonly MappingSample[], test: (sample: MappingSample) => boolean): Known {
  if (samples.length === 0) return 'unknown';
  return samples.some(test) ? 'yes' : 'no';
}

function bySocket(samples: readonly MappingSample[]): Iterable<readonly MappingSample[]> {
  const groups = new Map<string, MappingSample[]>();
  for (const sample of samples) {
    const key = `${sample.local.address} ${sample.local.port}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return groups.values();
}

function pairsOf(samples: readonly MappingSample[]): (readonly [MappingSample, MappingSample])[] {
  return samples.flatMap((a, index) => samples.slice(index + 1).map((b) => [a, b] as const));
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
