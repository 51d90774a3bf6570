import { z } from 'zod';
import { overlayBytes } from '../../core/config/peer-rule.js';
import { defineDiscovery } from '../../core/discovery-source.js';
import { addressOf } from '../../core/overlay-address.js';

const key = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[0-9a-f]{64}$/, 'must be a public key of 64 hex digits');

/** A public key, or with the overlay address that has to derive from it; a key by itself tells a reader little. */
const staticPeer = z.union([
  key,
  z
    .strictObject({ key, address: z.string().trim() })
    .refine((peer) => overlayBytes(peer.address)?.join() === overlayBytes(addressOf(peer.key))?.join(), {
      path: ['address'],
      message: 'must be the overlay address of the key',
    })
    .transform((peer) => peer.key),
]);

/** Peers that the operator names, met and bridged for as long as the agent runs. */
export const staticPeers = defineDiscovery({
  name: 'static',
  apiVersion: 1,
  options: z.strictObject({ peers: z.array(staticPeer).min(1).max(256) }),
  create: ({ peers }) => ({
    name: 'static',
    async run({ found }) {
      for (const key of peers) found({ key, expiresInMs: Number.POSITIVE_INFINITY, keepTrying: true });
    },
  }),
});
