import type { Behaviour } from './behaviours.js';

/**
 * Pairs that could meet, and do not try. Agents look at how a NAT maps before they punch, not at how it filters: against random ports
 * at one end, and ports at the other that depend on the destination too, they count on filters that let nobody in.
 */
export function isGivenUp(one: Behaviour, other: Behaviour): boolean {
  const depends = ({ mapping, allocation }: Behaviour) => mapping !== 'endpoint-independent' && allocation !== 'preserving';
  return depends(one) && depends(other) && (one.allocation === 'random' || other.allocation === 'random');
}
