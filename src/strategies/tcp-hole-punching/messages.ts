import { z } from 'zod';
import { candidateSchema, maxCandidates } from '../../discovery/candidates.js';

/**
 * The one message each end sends. The controlled end sends first; the controlling end's answer is the signal to start, which
 * it follows itself half an overlay round trip later, so that both ends' SYNs cross.
 */
export const candidatesMessage = z.object({
  candidates: z.array(candidateSchema).max(maxCandidates),
});
