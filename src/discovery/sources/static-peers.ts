import { z } from 'zod';
import { isAddressOf } from '../../core/config/peer-rule.js';
import { defineDiscovery } from '../../core/discovery-source.js';
import { keyPattern } from '../../core/overlay-address.js';

/** A public key, or with the overlay address that has to derive from it; a key by itself tells a reader little. */
const staticPeer = z.preprocess(
  (value) => (typeof value === 'string' ? { key: value } : value),
  z
    .strictObject({
      key: z.string().trim().toLowerCase().regex(keyPattern, 'must be a public key of 64 hex digits'),
      address: z.string().trim().optional(),
    })
    .refine(({ key, address }) => address === undefined || isAddressOf(address, key), {
      path: ['address'],
      message: 'must be the overlay address of the key',
    }),
);

/** Peers that the operator names, met and bridged for as long as the agent runs. */
export const staticPeers = defineDiscovery({
  name: 'static',
  apiVersion: 1,
  options: z.strictObject({ peers: z.array(staticPeer).min(1).max(256) }),
  create: ({ peers }) => ({
    name: 'static',
    async run({ found }) {
      for (const { key } of peers) found({ key, expiresInMs: Number.POSITIVE_INFINITY, keepTrying: true });
    },
  }),
});
