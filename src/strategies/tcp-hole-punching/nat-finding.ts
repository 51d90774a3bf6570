import { type PortSample, portAllocationOf } from '../../discovery/nat-behaviour/port-allocation.js';
import type { Agreement } from '../../discovery/stun/agreement.js';
import type { NatFinding } from './messages.js';

/** Ports after the last sample that are worth a try. */
const predictedPorts = 6;
const ports = { first: 1024, last: 65_535 };

export interface PortSamples {
  /** The punching port as each server saw it. */
  readonly punching: readonly PortSample[];
  readonly agreement: Agreement;
  /** Other local ports as one server saw them. All are asked at the same time, so that there is no order among the samples. */
  readonly probes: readonly PortSample[];
}

export interface Prediction {
  readonly finding: Pick<NatFinding, 'mapping' | 'allocation'>;
  /** External ports that a counting NAT will most likely take next; empty for every other. */
  readonly next: readonly number[];
}

/** What the samples say of the NAT. */
export function predictPorts({ punching, agreement, probes }: PortSamples): Prediction {
  const mapping = agreement === 'agree' ? 'independent' : agreement === 'disagree' ? 'dependent' : 'unknown';
  // An independent mapping is one mapping, however many servers saw it.
  const samples = [...(mapping === 'independent' ? punching.slice(0, 1) : punching), ...probes];
  // A NAT that counts is taken to count upwards: so its ports tell the order in which it met the samples.
  samples.sort((one, other) => one.external - other.external);
  const { kind, delta = 0 } = portAllocationOf(samples);
  const last = samples.at(-1)?.external ?? 0;
  const counts = kind === 'sequential' && mapping !== 'independent';
  const next = counts ? Array.from({ length: predictedPorts }, (_, index) => last + (index + 1) * delta) : [];
  return {
    finding: { mapping, allocation: kind },
    next: next.filter((port) => port >= ports.first && port <= ports.last),
  };
}
