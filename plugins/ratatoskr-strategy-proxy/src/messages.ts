import { isPublicAddress } from 'ratatoskr';
import { z } from 'zod';

/** Places that one end may offer. */
export const maxPlaces = 4;
/** Bytes that the one who connects says first, so that the other end knows which attempt it belongs to. */
export const tokenLength = 16;

/** HTTPS, which is all that many proxies connect to, or what is no well-known port. */
export const portSchema = z
  .number()
  .int()
  .max(65_535)
  .refine((port) => port === 443 || port >= 1024, 'neither 443 nor from 1024 to 65535');

/** A stranger's word: a proxy stands inside a network, so what it is asked to connect to has to be outside. */
const placeSchema = z.object({ address: z.string().max(45).refine(isPublicAddress, 'not a public address'), port: portSchema });

/** What an end tells the other: where it can be reached, if anywhere. */
export const offerSchema = z.object({
  places: z.array(placeSchema).max(maxPlaces),
  /** What to say first there, in hexadecimal. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
  /** What this end sends and takes passes through a proxy. */
  proxied: z.boolean(),
});
export type Offer = z.infer<typeof offerSchema>;
