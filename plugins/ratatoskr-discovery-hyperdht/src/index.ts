import { defineDiscovery } from 'ratatoskr';
import { optionsSchema } from './options.js';
import { Rendezvous } from './rendezvous.js';

/** Peers that share a passphrase find each other over a distributed hash table, through the npm package hyperdht. */
export default defineDiscovery({
  name: 'hyperdht',
  apiVersion: 1,
  options: optionsSchema,
  create: (options, services) => new Rendezvous(options, services),
});
