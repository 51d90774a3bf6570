import type { Endpoint } from '../../core/net.js';

/** How one STUN server sees us. */
export interface Observation {
  /** As the config names it, `host:port`. */
  readonly server: string;
  readonly mapped: Endpoint;
}

/**
 * Do the servers see one source in the same place? `agree`: endpoint-independent mapping as far as they can tell (RFC 4787
 * §4.1); `disagree`: the mapping depends on the destination, or a server is wrong; `one`: there is nothing to compare.
 */
export type Agreement = 'none' | 'one' | 'agree' | 'disagree';

export function agreementOf(observations: readonly Observation[]): Agreement {
  const [first, ...others] = observations;
  if (!first) return 'none';
  if (others.length === 0) return 'one';
  return others.every(({ mapped }) => sameEndpoint(mapped, first.mapped)) ? 'agree' : 'disagree';
}

/** The endpoint that most servers see, of equals the one that was seen first. */
export function mostSeen(observations: readonly Observation[]): Endpoint | undefined {
  let best: { mapped: Endpoint; votes: number } | undefined;
  for (const { mapped } of observations) {
    const votes = observations.filter((other) => sameEndpoint(other.mapped, mapped)).length;
    if (!best || votes > best.votes) best = { mapped, votes };
  }
  return best?.mapped;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
