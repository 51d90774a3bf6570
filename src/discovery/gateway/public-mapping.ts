import { StrategyError } from '../../core/errors.js';
import type { StrategyServices } from '../../core/strategy.js';
import { addressesSeen } from '../stun/addresses-seen.js';
import type { PortMapper, PortMapping, WantedMapping } from './port-mapper.js';
import { stackedNat } from './stacked-nat.js';

export interface PublicMappingOptions {
  readonly mapper: Pick<PortMapper, 'map'>;
  readonly services: StrategyServices;
  readonly signal: AbortSignal;
}

/**
 * Maps a port, unless STUN shows that the gateway is behind another NAT; then nothing is left mapped.
 * @throws StrategyError as {@link PortMapper.map}, NAT_STACKED among them, or the signal's reason
 */
export async function mapPublicly(
  wanted: WantedMapping,
  { mapper, services, signal }: PublicMappingOptions,
): Promise<PortMapping> {
  const mapping = await mapper.map(wanted, signal);
  try {
    const stacked = wanted.family === 6 ? undefined : stackedNat(mapping.external.address, await addressesSeen(services, signal));
    if (stacked !== undefined) throw new StrategyError('NAT_STACKED', stacked);
    return mapping;
  } catch (error) {
    await mapping.release();
    throw error;
  }
}
