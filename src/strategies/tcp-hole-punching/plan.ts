import type { NatFinding } from './messages.js';

/** What two ends do about the NATs between them. */
export type Plan =
  /** Simultaneous opens between candidates, predicted ones included. */
  | { readonly kind: 'punch' }
  /**
   * The same, and if it is not enough the birthday paradox: the end with random ports opens many connections to the other's one
   * known endpoint, from which that end probes random ports.
   */
  | { readonly kind: 'birthday'; readonly side: 'open' | 'probe' }
  /** Known not to work: no packet is worth sending. */
  | { readonly kind: 'hopeless'; readonly message: string };

/** What one end knows of where the other's next connection will come from. */
type Foresight = 'known' | 'predictable' | 'random' | 'perhaps random' | 'unknown';

/**
 * The plan of one end. Both compute it from the same facts, so that theirs fit together.
 * @param own undefined, as `peer`, for an end that did not tell
 * @param direct some candidate needs no NAT's help: one network, or an IPv6 address
 */
export function planFor(
  own: NatFinding | undefined,
  peer: NatFinding | undefined,
  { direct }: { readonly direct: boolean },
): Plan {
  const [here, there] = [foresight(own), foresight(peer)];
  if (!direct && isHopeless(here, there)) {
    return { kind: 'hopeless', message: 'Neither end’s NAT lets anyone foresee its ports, and that of one takes random ones.' };
  }
  if (isRandom(here) && isReachable(there) && peer?.canProbe) return { kind: 'birthday', side: 'open' };
  if (isRandom(there) && isReachable(here) && own?.canProbe) return { kind: 'birthday', side: 'probe' };
  return { kind: 'punch' };
}

/**
 * May the controlling end's first SYN be there before the peer has sent any? Not where a NAT counts: what comes early may be answered from
 * the port that was foreseen for something else.
 */
export function mayComeEarly(own: NatFinding | undefined, peer: NatFinding | undefined): boolean {
  return foresight(own) === 'known' && foresight(peer) === 'known';
}

function foresight(nat: NatFinding | undefined): Foresight {
  if (!nat) return 'unknown';
  if (nat.mapping === 'independent' || nat.allocation === 'preserving') return 'known';
  if (nat.allocation === 'random') return nat.mapping === 'dependent' ? 'random' : 'perhaps random';
  // A mapping that may well be independent has one port for all.
  if (nat.allocation === 'sequential') return nat.mapping === 'dependent' ? 'predictable' : 'known';
  return 'unknown';
}

function isRandom(end: Foresight): boolean {
  return end === 'random' || end === 'perhaps random';
}

function isReachable(end: Foresight): boolean {
  return end === 'known';
}

/** Towards random ports a counting NAT takes another port for each probe, so the other end's connections have no destination. */
function isHopeless(one: Foresight, other: Foresight): boolean {
  const unforeseen: readonly Foresight[] = ['random', 'predictable'];
  return (one === 'random' && unforeseen.includes(other)) || (other === 'random' && unforeseen.includes(one));
}
