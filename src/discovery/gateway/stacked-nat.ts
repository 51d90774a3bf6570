import ipaddr from 'ipaddr.js';
import { StrategyError } from '../../core/errors.js';

/**
 * Why a mapping cannot be reached from the internet, one sentence; undefined when nothing speaks against it.
 * @param external the address that the gateway gave
 * @param seen addresses that STUN servers saw us at
 */
export function stackedNat(external: string, seen: readonly string[] = []): string | undefined {
  const range: string = ipaddr.isValid(external) ? ipaddr.parse(external).range() : 'invalid';
  if (range === 'unspecified') return 'The gateway has no external address.';
  if (range !== 'unicast') return `The gateway’s external address ${external} is not public (${range}).`;
  const sameFamily = seen.filter((address) => address.includes(':') === external.includes(':'));
  if (sameFamily.length === 0 || sameFamily.includes(external)) return undefined;
  return `The gateway calls its external address ${external}, and the internet sees ${sameFamily[0]}.`;
}

/** For protocols that tell the external address before they map anything. @throws StrategyError NAT_STACKED */
export function requirePublic(external: string): void {
  const stacked = stackedNat(external);
  if (stacked !== undefined) throw new StrategyError('NAT_STACKED', stacked);
}
