import type { Config } from '../core/config.js';
import type { OfferedServices } from '../core/peer-services.js';
import type { StrategyServices } from '../core/strategy.js';
import { gatewayFinder } from '../discovery/gateway/default-gateway.js';
import { mappingProtocols } from '../discovery/gateway/mapping-protocols.js';
import { PortMapper } from '../discovery/gateway/port-mapper.js';
import { OfferedResponder } from '../discovery/stun/offered-responder.js';
import { portMapping } from '../strategies/port-mapping/index.js';

/** What answers STUN for peers, unless the config turns it off. It maps ports where the port-mapping strategy may. */
export function makeResponder(
  { stunResponder, strategies, stateDir }: Config,
  services: StrategyServices,
  offered: OfferedServices,
): OfferedResponder | undefined {
  if (!stunResponder.enabled) return undefined;
  const { port } = stunResponder;
  if (!strategies.some(({ use }) => use === portMapping.name)) return new OfferedResponder({ services, offered, port });
  const findGateway = gatewayFinder(services.net);
  const mapper = new PortMapper({
    services,
    protocols: mappingProtocols(),
    findGateway,
    stateDir,
    journalName: 'stun-responder',
  });
  return new OfferedResponder({ services, offered, port, mapper });
}
