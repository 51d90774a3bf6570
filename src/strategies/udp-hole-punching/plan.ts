import type { Mapping } from './mapping.js';

/** What two ends do about the NATs between them. */
export type Plan =
  /** Connectivity checks between candidates, predicted ports included. */
  | { readonly kind: 'checks' }
  /**
   * Checks, and if they are not enough the birthday paradox: the end with random ports opens many towards the other's one known
   * port, from which that end probes random ports.
   */
  | { readonly kind: 'birthday'; readonly side: 'open' | 'probe' }
  /** Known not to work: no packet is worth sending. */
  | { readonly kind: 'hopeless'; readonly code: 'UDP_BLOCKED' | 'DOUBLE_RANDOM_NAT'; readonly message: string };

/**
 * The plan of one end. Both compute it from the same facts, so that theirs fit together.
 * @param direct some candidate of either end needs no NAT's help: one network, or an IPv6 or public address
 */
export function planFor(own: Mapping, peer: Mapping, { direct }: { readonly direct: boolean }): Plan {
  const hopeless = direct ? undefined : hopelessness(own, peer);
  if (hopeless) return { kind: 'hopeless', ...hopeless };
  const known: readonly Mapping[] = ['independent', 'unknown'];
  if (own === 'random' && known.includes(peer)) return { kind: 'birthday', side: 'open' };
  if (peer === 'random' && known.includes(own)) return { kind: 'birthday', side: 'probe' };
  return { kind: 'checks' };
}

function hopelessness(own: Mapping, peer: Mapping): Omit<Extract<Plan, { kind: 'hopeless' }>, 'kind'> | undefined {
  if (own === 'blocked' || peer === 'blocked') {
    const who = own === peer ? 'either end' : own === 'blocked' ? 'this end' : 'the peer';
    return { code: 'UDP_BLOCKED', message: `No STUN server answered ${who} over UDP.` };
  }
  if (own === 'random' && peer === 'random') {
    return { code: 'DOUBLE_RANDOM_NAT', message: 'The NATs of both ends take a random port for each destination.' };
  }
  if ((own === 'random' && peer === 'predictable') || (own === 'predictable' && peer === 'random')) {
    const [random, other] = own === 'random' ? ['this end', 'the peer'] : ['the peer', 'this end'];
    return {
      code: 'DOUBLE_RANDOM_NAT',
      message: `The NAT of ${random} takes a random port for each destination, and that of ${other} another one for each, too.`,
    };
  }
  return undefined;
}
