import { AdminError } from '../errors.js';
import type { AdminTarget } from './admin-uri.js';
import { discoverAdminTargets } from './discover.js';
import { type LinkOptions, RouterLink } from './router-link.js';

export interface RouterSearch extends LinkOptions {
  /** Admin sockets to try in order; empty looks where routers put them. */
  readonly targets: readonly AdminTarget[];
  /** Told of a configuration of the router that does not say where its admin socket is. */
  readonly warn?: (reason: string) => void;
}

/** Connects to the first router that can be used. @throws AdminError the most telling of the failures; the signal's reason */
export async function findRouter({ targets: named, warn, ...options }: RouterSearch): Promise<RouterLink> {
  const targets = named.length > 0 ? named : await discoverAdminTargets(warn);
  const failures: unknown[] = [];
  for (const target of targets) {
    try {
      return await RouterLink.open(target, options);
    } catch (error) {
      if (options.signal.aborted) throw error;
      failures.push(error);
    }
  }
  throw mostTelling(failures, targets);
}

/** Of the failures of all targets the one an operator should act on: a router that is there but unusable, before sockets that are not. */
function mostTelling(failures: readonly unknown[], targets: readonly AdminTarget[]): unknown {
  const reached = failures.find((failure) => !(failure instanceof AdminError) || failure.code !== 'ADMIN_UNREACHABLE');
  if (reached || failures.length === 1) return reached ?? failures[0];
  return new AdminError('ADMIN_UNREACHABLE', `No router answers at any of ${targets.map(({ uri }) => uri).join(', ')}.`, {
    cause: new AggregateError(failures),
  });
}
