import type { Config } from '../../core/config.js';
import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { AgentView } from '../patient.js';

/** Who chooses the relays of paths, and can the coordinator be asked, where there is one? */
export function routesFinding({ routes }: Pick<Config['relay'], 'routes'>, agent: AgentView | undefined): Finding {
  const { mode, coordinator } = routes;
  if (mode === 'p2p') return ok('routes', 'Relays are chosen by what both ends of a path measure.');
  if (mode === 'static') return ok('routes', 'Relays are those that relay.routes.nextHops names.');
  if (agent?.routerKey !== undefined && coordinator !== 'none' && coordinator.key !== agent.routerKey) {
    return problem(
      'routes',
      'COORDINATOR_KEY_WRONG',
      `The invite to the coordinator is for ${coordinator.key}, and the router has ${agent.routerKey}.`,
    );
  }
  if (!agent?.routes)
    return unchecked('routes', 'Whether the coordinator of routes can be asked is known to a running agent alone.');
  const { coordinator: name, frozenSince, why } = agent.routes;
  if (frozenSince === null) return ok('routes', `Relays are chosen by the coordinator ${name}.`);
  return problem('routes', 'COORDINATOR_UNREACHABLE', `Routes are frozen since ${frozenSince}: ${why}`);
}
