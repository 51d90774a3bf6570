import { z } from 'zod';
import { sessionsSource } from '../../core/discovery.js';
import { defineDiscovery } from '../../core/discovery-source.js';

/** The router's sessions. The session loop watches them by itself, for what they carry: this is the name that switches it on. */
export const sessions = defineDiscovery({
  name: sessionsSource,
  apiVersion: 1,
  options: z.strictObject({}),
  create: () => ({ name: sessionsSource, run: async () => {} }),
});
