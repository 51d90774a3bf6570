import { z } from 'zod';
import { candidateSchema, maxCandidates } from '../../discovery/candidates.js';
import { sealWish } from '../../discovery/seal-option.js';

/** The one message that each end sends as soon as it knows: where it can be reached, and what speaks against it. */
export const reachabilityMessage = z.object({
  candidates: z.array(candidateSchema).max(maxCandidates),
  /** Why there is no mapping at this end. */
  reason: z.object({ code: z.string().max(64), message: z.string().max(1000) }).optional(),
  seal: sealWish,
});
export type ReachabilityMessage = z.infer<typeof reachabilityMessage>;
export type Reachability = Omit<ReachabilityMessage, 'seal'>;
