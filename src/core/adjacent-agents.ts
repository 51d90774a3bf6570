import { type Discovery, peeringsSource } from './discovery.js';
import type { RouterPeer } from './router.js';

/** Agents that are wanted at once. */
const mostWanted = 4;
/** How long a find lasts, in milliseconds: its agent is as good for the next that needs help. */
const findMs = 10 * 60_000;

/**
 * Finds agents beside the routers that this one is peered with, for somebody who needs help. There is nothing to bridge, but they may
 * answer STUN or relay. Those that our router dialled can be reached, by us at least; what dialled it may be behind a NAT, and is left
 * alone. The nearest come first, and after those that were found before: their place goes to the next when they do not answer.
 */
export function findAdjacentAgents(peerings: readonly RouterPeer[], discovery: Discovery): void {
  const near = peerings.flatMap(({ up, inbound, key, latencyMs = Number.MAX_VALUE }) =>
    up && !inbound && key ? { key, latencyMs, isFound: discovery.isFoundBy(peeringsSource, key) } : [],
  );
  near.sort((a, b) => Number(b.isFound) - Number(a.isFound) || a.latencyMs - b.latencyMs);
  let wanted = 0;
  for (const { key } of near) {
    if (wanted === mostWanted) return;
    discovery.find(peeringsSource, { key, expiresInMs: findMs, purpose: 'services' });
    if (discovery.wants(key)) wanted++;
  }
}
