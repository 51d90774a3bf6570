import { z } from 'zod';
import { candidateSchema, maxCandidates } from '../../discovery/candidates.js';
import { sealWish } from '../../discovery/seal-option.js';
import { carriers } from './carriers.js';
import { mappings } from './mapping.js';

/** STUN servers asked at most. */
export const maxServers = 4;
/** Samples of a mapping: some servers have two addresses. */
const maxSamples = 2 * maxServers;

/**
 * The one message each end sends. The controlled end sends first; the controlling end's answer is the signal to start, which
 * it follows itself half an overlay round trip later.
 */
export const offerMessage = z.object({
  candidates: z.array(candidateSchema).max(maxCandidates),
  /** What the sender's NAT does, and the ports by which it found out, in the order of the questions. */
  mapping: z.enum(mappings),
  samples: z.array(z.object({ address: z.string().max(45), port: z.number().int().min(1).max(65535) })).max(maxSamples),
  /** Id of the sender's end of the stream, 32 bits, unguessable. */
  streamId: z.number().int().min(1).max(0xffffffff),
  /** What the sender has enabled and can use, the preferred first; one that is not known here cannot be used. */
  carriers: z
    .array(z.string().max(32))
    .max(16)
    .default(['udx'])
    .transform((names) =>
      carriers.filter((carrier) => names.includes(carrier)).sort((a, b) => names.indexOf(a) - names.indexOf(b)),
    ),
  /** Its router listens for quic. */
  listens: z.boolean().default(false),
  /** Where nothing else seals the path. */
  seal: sealWish,
});
export type Offer = z.infer<typeof offerMessage>;
