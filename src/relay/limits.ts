import type { Config } from '../core/config.js';
import type { RelayLimits } from './server/relay-server.js';

/** What the configuration grants at a relay, be it an agent's or one that runs on its own. */
export function limitsOf(volunteer: Config['relay']['volunteer']): RelayLimits {
  const { lifetime: lifetimeMs, maxDuration: maxDurationMs, ...caps } = volunteer;
  return { ...caps, lifetimeMs, maxDurationMs };
}
