import type { NatBehaviour } from '../../../src/testing.js';

export type Behaviour = Required<Pick<NatBehaviour, 'mapping' | 'filtering' | 'allocation'>>;

const dependences = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;
const allocations = ['preserving', 'sequential', 'random'] as const;

/** Every combination of mapping (RFC 4787 §4.1), filtering (§5) and port allocation (§4.2.1). */
export const behaviours: readonly Behaviour[] = dependences.flatMap((mapping) =>
  allocations.flatMap((allocation) => dependences.map((filtering) => ({ mapping, allocation, filtering }))),
);

/** Every pair of them, those of a kind with itself included. */
export const pairs: readonly (readonly [Behaviour, Behaviour])[] = behaviours.flatMap((one, index) =>
  behaviours.slice(index).map((other) => [one, other] as const),
);

const short = { 'endpoint-independent': 'EI', 'address-dependent': 'AD', 'address-and-port-dependent': 'APD' } as const;

/** Mapping, allocation and filtering in a few letters: `APDM random EIF`. */
export function nameOf({ mapping, filtering, allocation }: Behaviour): string {
  return `${short[mapping]}M ${allocation} ${short[filtering]}F`;
}
