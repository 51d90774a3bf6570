import { describeError } from '../../core/errors.js';
import { isPublicAddress } from '../../core/reach.js';
import type { StrategyServices } from '../../core/strategy.js';
import { distinct, hostCandidates } from '../../discovery/candidates.js';
import type { PortMapper, PortMapping } from '../../discovery/gateway/port-mapper.js';
import { mapPublicly } from '../../discovery/gateway/public-mapping.js';
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
      mappings.push(await mapPublicly({ transport: 'tcp', internalPort: port, family }, { mapper, services, signal }));
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
