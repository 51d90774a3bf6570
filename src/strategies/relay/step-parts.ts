import { StrategyError } from '../../core/errors.js';
import type { Role } from '../../core/strategy.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { type Findings, listedName } from './findings.js';
import type { RelayNames, RelayUse, Step, WayUse } from './route-choice.js';
import type { Leg } from './several-relays.js';

/** Is it more than one relay? */
export function isOverSeveral({ next, back }: Step): boolean {
  return next !== undefined || back !== undefined;
}

/** Relays of a step, in the order in which packets from the controlling end pass them, and those to it. */
export function namesOf({ back, ...there }: Step, nameOf: (use: RelayUse) => string): RelayNames {
  const names = ({ next, ...first }: WayUse) => [nameOf(first), ...(next ? [nameOf(next)] : [])];
  return { out: names(there), back: names(back ?? there).toReversed() };
}

/** A relay of one of the offers. @throws StrategyError RELAY_MESSAGE_INVALID */
export function relayOf({ opener, index }: RelayUse, role: Role, { relays, offer, peerOffer, peerReach }: Findings) {
  const address = (opener === role ? offer : peerOffer).relays[index];
  const relay = opener === role ? relays[index] : undefined;
  const peers = opener === role ? peerReach.relays.find((reach) => reach.index === index)?.seen : undefined;
  if (!address || (opener === role && !peers)) {
    throw new StrategyError('RELAY_MESSAGE_INVALID', 'The peer chose a relay that was not offered.');
  }
  return { address, relay, peers: peers ?? [], name: relay?.name ?? formatEndpoint(address), listed: listedName(address) };
}

/** This end's part of a way. @throws StrategyError RELAY_MESSAGE_INVALID */
export function legOf({ next, ...first }: WayUse, role: Role, found: Findings): Leg {
  const relays = [relayOf(first, role, found), ...(next ? [relayOf(next, role, found)] : [])];
  const [nearer, farther] = role === 'controlling' ? relays : relays.toReversed();
  if (!nearer) throw new StrategyError('RELAY_MESSAGE_INVALID', 'The peer chose a way over no relay.');
  if (!farther) return nearer.relay ? { relay: nearer.relay, peers: nearer.peers } : { server: nearer.address };
  if (nearer.relay && farther.relay) return { relay: nearer.relay, peers: nearer.peers, farther: farther.relay };
  if (!nearer.relay) return { server: nearer.address };
  // Each end asks the one next to it: the controlling end opens the place.
  if (role === 'controlling') return { relay: nearer.relay, peers: nearer.peers };
  return { server: farther.address, over: nearer.relay };
}
