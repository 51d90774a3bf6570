import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Failure, schemaVersion } from './schemas.js';

/** An application without routes, whose failures all look alike. */
export function createApp(): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true, bodyLimit: 16 * 1024 });
  app.setNotFoundHandler((request, reply) =>
    refuse(reply, 404, { code: 'CONTROL_UNKNOWN', message: `There is nothing at ${request.method} ${request.url}.` }),
  );
  app.setErrorHandler((error: Error & { code?: unknown; help?: unknown }, _request, reply) => {
    const { code, message, help } = error;
    const failure = { code: typeof code === 'string' ? code : 'INTERNAL', message };
    const status = failure.code === 'CONTROL_FORBIDDEN' ? 403 : failure.code === 'PEER_UNKNOWN' ? 404 : 502;
    return refuse(reply, status, typeof help === 'string' ? { ...failure, help } : failure);
  });
  return app;
}

export function refuse(reply: FastifyReply, status: number, error: Failure): FastifyReply {
  return reply.code(status).send({ schemaVersion, error });
}
