import { z } from 'zod';
import { attemptsSchema, networkSchema, strategiesSchema, trafficSchema } from './observation-schemas.js';
import { relayStatusSchema } from './relay-schemas.js';
import {
  changeSchema,
  explanationSchema,
  pingSchema,
  problemSchema,
  recentEventsSchema,
  schemaVersion,
  statusSchema,
  trialSchema,
} from './schemas.js';

const peerParameter = {
  name: 'peer',
  in: 'path',
  required: true,
  description: 'public key (64 hex digits) or overlay address',
  schema: { type: 'string' },
};

const sinceParameter = {
  name: 'since',
  in: 'query',
  required: false,
  description: 'milliseconds since 1970: only what is newer',
  schema: { type: 'integer' },
};

const metrics = {
  get: {
    summary: 'Metrics for Prometheus, as in docs/metrics.md',
    responses: { 200: { description: 'exposition format', content: { 'text/plain': { schema: { type: 'string' } } } } },
  },
};

const thisDocument = { get: { summary: 'This document', responses: { 200: { description: 'this document' } } } };

/** What the control socket of an agent answers, as OpenAPI 3.1, made of the schemas. */
export const openApi = {
  ...head('ratatoskr control API'),
  paths: {
    '/v1/status': { get: operation('What this agent does, and with whom', statusSchema) },
    '/v1/peers/{peer}': { get: operation('One peer, and what was tried with it', explanationSchema, [peerParameter]) },
    '/v1/peers/{peer}/ping': { get: operation('Round trip to the agent of a peer', pingSchema, [peerParameter]) },
    '/v1/peers/{peer}/bridge': {
      post: operation('Bridge a peer whatever its session carries; for the agent’s own user and root', changeSchema, [
        peerParameter,
      ]),
    },
    '/v1/peers/{peer}/unbridge': {
      post: operation('Keep away from a peer while the agent runs; for the agent’s own user and root', changeSchema, [
        peerParameter,
      ]),
    },
    '/v1/peers/{peer}/trial': {
      post: operation('Try a peer now, and tell what came of it; for the agent’s own user and root', trialSchema, [
        peerParameter,
      ]),
    },
    '/v1/events/recent': { get: operation('What happened last', recentEventsSchema) },
    '/v1/events': {
      get: {
        summary: 'Everything that happens from now on, one JSON object a line, or as server-sent events for who asks for those',
        responses: {
          200: {
            description: 'a stream without end',
            content: { 'application/x-ndjson': { schema: { type: 'object' } }, 'text/event-stream': {} },
          },
        },
      },
    },
    '/v1/attempts': { get: operation('The last attempts with all peers', attemptsSchema) },
    '/v1/strategies': { get: operation('How often each strategy was tried, and what came of it', strategiesSchema) },
    '/v1/traffic': {
      get: operation('What went over bridges in the last ten minutes', trafficSchema, [sinceParameter]),
    },
    '/v1/network': {
      get: operation('What the network in front of this machine is like; examined at most every few minutes', networkSchema),
    },
    '/metrics': metrics,
    '/v1/openapi.json': thisDocument,
  },
};

/** And that of a relay that runs on its own. */
export const relayOpenApi = {
  ...head('ratatoskr relay control API'),
  paths: {
    '/v1/status': { get: operation('What this relay does, and for whom', relayStatusSchema) },
    '/metrics': metrics,
    '/v1/openapi.json': thisDocument,
  },
};

function head(title: string) {
  const license = { name: 'Apache-2.0', identifier: 'Apache-2.0' };
  return { openapi: '3.1.0', info: { title, version: String(schemaVersion), license } };
}

function operation(summary: string, schema: z.ZodType, parameters: readonly object[] = []) {
  return {
    summary,
    parameters,
    responses: { 200: answer('the answer', schema), default: answer('why there is none', problemSchema) },
  };
}

function answer(description: string, schema: z.ZodType) {
  const { $schema: _, ...json } = z.toJSONSchema(schema) as Record<string, unknown>;
  return { description, content: { 'application/json': { schema: json } } };
}
