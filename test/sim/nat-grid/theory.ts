import type { Behaviour } from './behaviours.js';

/**
 * What two ends behind NATs can reach by hole punching, from the definitions of RFC 4787 alone.
 *
 * `direct`: packets between endpoints that both know beforehand, or learn from each other, open a way. `chance`: only if one end
 * guesses a random port of the other's, as the birthday paradox makes likely. `none`: no finite effort is worth it.
 */
export type Outcome = 'direct' | 'chance' | 'none';

export function outcomeOf(one: Behaviour, other: Behaviour): Outcome {
  const firsts = [firstTargets(one), firstTargets(other)] as const;
  const worlds = firsts[0].flatMap((first) => firsts[1].map((second) => [new End(one, first), new End(other, second)] as const));
  if (worlds.some((ends) => meet(ends))) return 'direct';
  const lucky = worlds.some((ends) => meet(ends, 0)) || worlds.some((ends) => meet(ends, 1));
  return lucky ? 'chance' : 'none';
}

/**
 * An external port, as a symbol. `seen`: the one that STUN servers saw, which the other end was told. `next`: the one that a counting
 * NAT takes for its first new mapping, which the other end can foresee. Any other is random, or so far on that nobody can tell.
 */
type Port = 'seen' | 'next' | `after ${string}` | `random ${string}`;

/** A counting NAT's foreseeable port goes to whoever is sent to first. */
function firstTargets({ mapping, allocation }: Behaviour): readonly Port[] {
  return mapping === 'address-and-port-dependent' && allocation === 'sequential' ? ['seen', 'next'] : ['seen'];
}

/** One end's NAT. The other end is at one address, and a STUN server at another. */
class End {
  constructor(
    readonly behaviour: Behaviour,
    private readonly first: Port,
  ) {}

  /** RFC 4787 §4.1: the mapping that carries what is sent to a port of the other end. */
  mappingTowards(port: Port): Port {
    const { mapping, allocation } = this.behaviour;
    // A NAT that preserves ports gives one internal endpoint the same port for any destination.
    if (mapping === 'endpoint-independent' || allocation === 'preserving') return 'seen';
    const scope = mapping === 'address-dependent' ? '' : port;
    if (allocation === 'random') return `random ${scope}`;
    return mapping === 'address-dependent' || port === this.first ? 'next' : `after ${scope}`;
  }

  /** RFC 4787 §5: does a mapping let in what comes from a port of the other end, given where was sent to? */
  admits(mapping: Port, from: Port, sentTo: ReadonlySet<Port>): boolean {
    const throughIt = [...sentTo].filter((port) => this.mappingTowards(port) === mapping);
    const exists = mapping === 'seen' || throughIt.length > 0;
    if (this.behaviour.filtering === 'endpoint-independent') return exists;
    if (this.behaviour.filtering === 'address-dependent') return throughIt.length > 0;
    return throughIt.includes(from);
  }
}

/**
 * Both ends send to every port of the other that they know of, and learn the sources of what reaches them, until nothing new comes. They
 * have met when a packet each way goes between the same two ports.
 * @param guesser index of the end that hits any port that the other has opened
 */
function meet(ends: readonly [End, End], guesser?: 0 | 1): boolean {
  const known = [new Set<Port>(), new Set<Port>()] as const;
  for (const [index, end] of ends.entries()) {
    known[index === 0 ? 1 : 0].add('seen');
    if (end.behaviour.allocation === 'sequential' && end.mappingTowards('seen') !== 'seen')
      known[index === 0 ? 1 : 0].add('next');
  }
  for (let round = 0; round < rounds; round++) {
    for (const sender of [0, 1] as const) {
      const [from, to, receiver] = [ends[sender], ends[(1 - sender) as 0 | 1], (1 - sender) as 0 | 1];
      if (sender === guesser) for (const port of known[receiver]) known[sender].add(to.mappingTowards(port));
      for (const target of known[sender]) {
        const source = from.mappingTowards(target);
        if (!to.admits(target, source, known[receiver])) continue;
        known[receiver].add(source);
        const back = to.mappingTowards(source);
        if (back === target && from.admits(source, target, known[sender])) return true;
      }
    }
  }
  return false;
}

/** More than the longest chain of discoveries. */
const rounds = 6;
