import { z } from 'zod';
import { type DiscoveryDefinition, defineDiscovery, type MeetingPurpose } from '../../src/core/discovery-source.js';

export interface Contact {
  readonly key: string;
  readonly purpose: MeetingPurpose;
}

/** A discovery source that knows some peers from the beginning, and goes on wanting them. It stands for the sessions of a router. */
export function contacts(known: readonly Contact[]): DiscoveryDefinition {
  return defineDiscovery({
    name: 'contacts',
    apiVersion: 1,
    options: z.strictObject({}),
    create: () => ({
      name: 'contacts',
      async run(context) {
        for (const { key, purpose } of known) {
          context.found({ key, purpose, expiresInMs: Number.POSITIVE_INFINITY, keepTrying: true });
        }
      },
    }),
  }) as DiscoveryDefinition;
}
