import type { ProvenPath } from './attempt.js';
import type { Config } from './config.js';
import type { PathInfo } from './strategy.js';

/** A path may be this much slower than another way before it counts as slower: the noise of a few pings. */
const slowerFactor = 1.1;
const slowerSlackMs = 5;
/** A relayed path replaces an overlay route that works, so it must gain clearly: this many milliseconds, or this part. */
const relayGainMs = 5;
const relayGainPart = 0.1;

/**
 * Is a path better than the overlay route it would replace? A direct one must not be slower, unless the operator says otherwise;
 * a relayed one must be clearly faster, unless relays are always welcome.
 */
export function worthHaving(
  kind: PathInfo['kind'],
  { rttMs, overlayRttMs }: Pick<ProvenPath, 'rttMs' | 'overlayRttMs'>,
  { bridge, relay }: { readonly bridge: Pick<Config['bridge'], 'evenIfSlower'>; readonly relay: Pick<Config['relay'], 'use'> },
): boolean {
  if (kind === 'direct') return bridge.evenIfSlower || !isSlower(rttMs, overlayRttMs);
  const gainMs = overlayRttMs - rttMs;
  return relay.use === 'always' || (relay.use === 'faster' && gainMs >= Math.min(relayGainMs, overlayRttMs * relayGainPart));
}

/** Is a round trip longer than another by more than noise? */
export function isSlower(rttMs: number, thanMs: number): boolean {
  return rttMs > thanMs * slowerFactor + slowerSlackMs;
}
