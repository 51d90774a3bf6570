import { AgentError, describeError } from '../core/errors.js';
import type { Endpoint } from '../core/net.js';
import { formatEndpoint } from '../discovery/candidates.js';

/** What listening fails with where there is no IPv6, or no IPv4. */
const missingFamily = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

/**
 * Listens at each place, families that this machine lacks left out.
 * @param task what it cannot do then, for the message
 * @throws AgentError of that code when it listens nowhere, or at one place fails for another reason; what listens is not closed
 */
export async function listenAtEach(
  places: readonly Endpoint[],
  listen: (local: Endpoint) => Promise<void>,
  code: 'RELAY_LISTEN_FAILED' | 'COORDINATOR_LISTEN_FAILED',
  task: string,
): Promise<void> {
  const tries = await Promise.allSettled(places.map(listen));
  const failures = tries.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const serious = failures.find((failure) => !missingFamily.has(describeError(failure).code));
  if (failures.length < places.length && serious === undefined) return;
  const cause = serious ?? failures[0];
  const message = `Cannot ${task} at ${places.map(formatEndpoint).join(', ')}: ${describeError(cause).message}.`;
  throw new AgentError(code, message, { cause });
}
