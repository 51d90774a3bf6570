import type { StrategyServices } from '../../core/strategy.js';
import { dynamicPort } from '../listening-port.js';
import { discoverExternalAddress } from './external-address.js';

/** Where the internet sees this machine. A few hundred milliseconds; none when no server answers. */
export async function addressesSeen({ net, clock, random, addresses }: StrategyServices, signal: AbortSignal): Promise<string[]> {
  const local = { port: dynamicPort(random.fraction()) };
  const { stunServers: servers, stunPeers: fallback = [] } = addresses;
  const seen = await discoverExternalAddress({
    net,
    clock,
    random,
    servers,
    fallback,
    local,
    family: 4,
    signal,
    timeoutMs: 1000,
    graceMs: 0,
  });
  seen.close();
  return seen.observations.map(({ mapped }) => mapped.address);
}
