import { z } from 'zod';
import { candidateSchema, maxCandidates } from '../../discovery/candidates.js';
import { sealWish } from '../../discovery/seal-option.js';

/** What an end's NAT does with new TCP connections, as far as STUN servers showed. */
const natFindingSchema = z.object({
  /**
   * RFC 4787 §4.1. `independent`: two servers saw the punching port in one place; `dependent`: in different ones; `unknown`: there
   * were no two to compare.
   */
  mapping: z.enum(['independent', 'dependent', 'unknown']),
  /** How it chooses the ports of new mappings. */
  allocation: z.enum(['preserving', 'sequential', 'random', 'unknown']),
  /** This end can make many connections from its punching port at once. */
  canProbe: z.boolean(),
});
export type NatFinding = z.infer<typeof natFindingSchema>;

/**
 * The one message each end sends. The controlled end sends first; the controlling end's answer is the signal to start, which
 * it follows itself half an overlay round trip later, so that both ends' SYNs cross.
 */
export const candidatesMessage = z.object({
  candidates: z.array(candidateSchema).max(maxCandidates),
  /** Agents that do not look at their NAT leave it out; one that says what we do not understand counts as one of them. */
  nat: natFindingSchema.optional().catch(undefined),
  seal: sealWish,
});
