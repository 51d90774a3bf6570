import { StrategyError } from '../../core/errors.js';
import type { CoordinatedRoutes } from '../../relay/coordinator/messages.js';
import { type Findings, listsOf } from './findings.js';
import { maxSteps } from './messages.js';
import { chooseRoutes, describeRoute, isSameRoute, type RelayNames, type Route, worthMoving } from './route-choice.js';
import { type ToldWays, toldRoutes } from './told-routes.js';

export interface RouteContext {
  /** What carries a path to this peer already. */
  readonly current: RelayNames | undefined;
  /** What the coordinator says of the two; undefined where it says nothing. */
  readonly askCoordinator: () => Promise<CoordinatedRoutes | undefined>;
}

/**
 * At the controlling end: what either end's configuration says is tried, and nothing else; else what the coordinator says, and then what
 * was measured.
 * @throws StrategyError RELAY_ROUTE_UNREACHABLE when no way can be gone that must be taken, RELAY_ROUTE_KEPT when none is worth a move
 */
export async function decideRoutes(found: Findings, { current, askCoordinator }: RouteContext): Promise<readonly Route[]> {
  const lists = listsOf(found);
  // A peer that says nothing of links does not know of ways over two relays in a row.
  const named = (told: ToldWays) =>
    toldRoutes(lists, told).filter((route) => found.peerReach.links || route.out.length + route.back.length === 2);
  const [out, back] = [found.reach.over, found.peerReach.over];
  if (out || back) {
    const routes = named({ out, back });
    const [first] = routes;
    if (!first) {
      const ways = [...new Set([...(out ?? []), ...(back ?? [])].map((way) => way.join(' then ')))].join(', ');
      throw new StrategyError('RELAY_ROUTE_UNREACHABLE', `The two ends cannot go over the relays that must be taken: ${ways}.`);
    }
    // What must be taken is taken, however long it is.
    if (current && isSameRoute(first, current)) {
      throw new StrategyError(
        'RELAY_ROUTE_KEPT',
        `The path goes over ${describeRoute(current)} already, as the configuration says.`,
      );
    }
    return routes;
  }
  const measured = chooseRoutes(lists);
  const told = await askCoordinator();
  const coordinated = told ? named({ out: [told.out], back: [told.back] }) : [];
  const others = measured.filter((route) => !coordinated.some((other) => isSameRoute(route, other)));
  const routes = [...coordinated, ...others].slice(0, maxSteps);
  if (current && !worthMoving(lists, routes, current)) {
    throw new StrategyError('RELAY_ROUTE_KEPT', `No way is clearly shorter than the one over ${describeRoute(current)}.`);
  }
  return routes;
}
