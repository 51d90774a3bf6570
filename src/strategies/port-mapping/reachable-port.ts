import { describeError, StrategyError } from '../../core/errors.js';
import { isPublicAddress } from '../../core/reach.js';
import type { StrategyServices } from '../../core/strategy.js';
import { distinct, hostCandidates } from '../../discovery/candidates.js';
import type { PortMapper, PortMapping } from '../../discovery/gateway/port-mapper.js';
import { stackedNat } from '../../discovery/gateway/stacked-nat.js';
import { dynamicPort } from '../../discovery/listening-port.js';
import { discoverExternalAddress } from '../../discovery/stun/external-address.js';
import type { Reachability } from './messages.js';

/** How this end can be reached, and the mappings that this takes. */
export interface ReachablePort extends Reachability {
  /** Gives the mappings back. Idempotent; never rejects. */
  release(): Promise<void>;
}

/** Makes a local TCP port reachable from the internet as far as it can be. @throws only the signal's reason */
export async function makeReachable(
  port: number,
  mapper: PortMapper,
  services: StrategyServices,
  signal: AbortSignal,
): Promise<ReachablePort> {
  const hosts = hostCandidates(services.net.interfaces(), port).filter(({ address }) => isPublicAddress(address));
  const isPublic = (family: 4 | 6) => hosts.some(({ address }) => address.includes(':') === (family === 6));
  const mappings: PortMapping[] = [];
  const reasons: { code: string; message: string }[] = [];
  const release = async () => {
    await Promise.all(mappings.map((mapping) => mapping.release()));
  };
  const map = async (family: 4 | 6) => {
    try {
      const mapping = await mapper.map({ transport: 'tcp', internalPort: port, family }, signal);
      mappings.push(mapping);
      if (family === 6) return;
      const stacked = stackedNat(mapping.external.address, await addressesSeen(services, signal));
      if (stacked === undefined) return;
      mappings.splice(mappings.indexOf(mapping), 1);
      await mapping.release();
      throw new StrategyError('NAT_STACKED', stacked);
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = describeError(error);
      services.log.debug('mapping.none', { family, code, message });
      // A public host of IPv4 needs no mapping, and one of IPv6 often no pinhole.
      if (family === 4) reasons.push({ code, message: message.slice(0, 1000) });
    }
  };
  // A host that is public itself has no NAT in front of it; its IPv6 is behind a firewall all the same.
  const wanted = [...(isPublic(4) ? [] : [4 as const]), ...(isPublic(6) ? [6 as const] : [])];
  const outcomes = await Promise.allSettled(wanted.map(map));
  if (outcomes.some(({ status }) => status === 'rejected')) {
    await release();
    throw signal.reason as Error;
  }
  const mapped = mappings.map(({ external }) => ({ type: 'mapped' as const, address: external.address, port: external.port }));
  const [reason] = reasons;
  return { candidates: distinct([...mapped, ...hosts]), ...(reason ? { reason } : {}), release };
}

/** Where the internet sees this machine. A few hundred milliseconds; none when no server answers. */
async function addressesSeen({ net, clock, random, addresses }: StrategyServices, signal: AbortSignal): Promise<string[]> {
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
