import { z } from 'zod';
import { attemptSchema, schemaVersion } from './schemas.js';

const version = z.literal(schemaVersion);
const time = z.iso.datetime().describe('ISO 8601, UTC');
const failure = z.object({ code: z.string(), message: z.string(), help: z.string().optional() });

export const attemptsSchema = z.object({
  schemaVersion: version,
  attempts: z
    .array(attemptSchema.extend({ peer: z.object({ key: z.string(), address: z.string() }) }))
    .describe('the last ones with all peers, oldest first'),
});
export type Attempts = z.infer<typeof attemptsSchema>;

const trafficSampleSchema = z.object({
  at: z.int().describe('end of the interval, milliseconds since 1970'),
  bytesIn: z.int().nonnegative().describe('bytes that came over bridges within the interval'),
  bytesOut: z.int().nonnegative().describe('bytes that went over bridges within the interval'),
  rttMs: z.number().nonnegative().nullable().describe('round trip of the bridge, queues included; null while there is none'),
});
export type TrafficSample = z.infer<typeof trafficSampleSchema>;

export const trafficSchema = z.object({
  schemaVersion: version,
  intervalMs: z.int().positive(),
  peers: z.array(z.object({ key: z.string(), samples: z.array(trafficSampleSchema).describe('oldest first') })),
});
export type Traffic = z.infer<typeof trafficSchema>;

export const strategiesSchema = z.object({
  schemaVersion: version,
  strategies: z.array(
    z.object({
      name: z.string(),
      attempts: z.int().describe('begun since the agent started'),
      bridges: z.int().describe('attempts that became a bridge'),
      overtaken: z.int().describe('attempts that another one made needless'),
      failed: z.int(),
      lastFailure: failure.extend({ at: time }).nullable(),
    }),
  ),
});
export type Strategies = z.infer<typeof strategiesSchema>;

const known = z.enum(['yes', 'no', 'unknown']);
const dependence = z.enum([
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
  'endpoint-dependent',
  'unknown',
]);

export const networkSchema = z.object({
  schemaVersion: version,
  examinedAt: time,
  nat: z
    .object({
      translated: known.describe('an address or port is translated on the way'),
      mapping: dependence.describe('on what external ports depend (RFC 4787 §4.1)'),
      filtering: dependence.describe('who may send to an external port (RFC 4787 §5)'),
      hairpinning: known,
      portPreservation: known,
      portAllocation: z.object({
        kind: z.enum(['preserving', 'sequential', 'random', 'unknown']),
        delta: z.int().optional(),
        parity: known,
      }),
      severalAddresses: known,
      doubtful: z.array(z.string()).describe('STUN servers whose word the majority contradicts'),
    })
    .nullable()
    .describe('how the NAT treats UDP; null when no STUN server answered'),
  failure: failure.nullable(),
  strategies: z.array(z.object({ name: z.string(), usable: known, reason: z.string().nullable() })),
});
export type NetworkReport = z.infer<typeof networkSchema>;
