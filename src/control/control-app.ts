import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { AgentEvent, PeerRef } from '../core/events.js';
import { createApp, refuse } from './app.js';
import { addChangeRoutes, type Changes } from './change-routes.js';
import { addObservationRoutes, type Observation } from './observation-routes.js';
import { openApi } from './open-api.js';
import type { RecentEvents } from './recent-events.js';
import { type Failure, schemaVersion } from './schemas.js';
import type { StatusBook } from './status-book.js';

/** Bytes that a reader of events may leave unread before it is let go. */
const maxUnread = 1024 * 1024;
/** What browsers ask for as server-sent events. */
const eventStream = 'text/event-stream';
/** Readers of events at once. */
const maxReaders = 32;

export interface ControlOptions {
  readonly book: StatusBook;
  /** Calls `listener` for each event of this agent. @returns a function that ends that */
  readonly subscribe: (listener: (event: AgentEvent) => void) => () => void;
  /** Round trip to a peer's agent in milliseconds. @throws RatatoskrError when it cannot be met */
  readonly ping: (peer: PeerRef, signal: AbortSignal) => Promise<number>;
  readonly recent: RecentEvents;
  /** What may be changed; without it the agent only tells. */
  readonly changes?: Changes;
  readonly observation: Observation;
}

/** The routes, by themselves. */
export function createControlApp({ book, subscribe, ping, recent, changes, observation }: ControlOptions): FastifyInstance {
  const app = createApp();
  let readers = 0;

  app.get('/v1/status', async () => book.status());

  app.get<{ Params: { peer: string } }>('/v1/peers/:peer', async ({ params: { peer } }, reply) => {
    return book.explain(peer) ?? refuse(reply, 404, unknownPeer(peer));
  });

  app.get<{ Params: { peer: string } }>('/v1/peers/:peer/ping', async ({ params: { peer }, raw }, reply) => {
    const found = book.explain(peer);
    if (!found) return refuse(reply, 404, unknownPeer(peer));
    const gone = new AbortController();
    raw.once('close', () => gone.abort(new Error('The caller has gone.')));
    return { schemaVersion, rttMs: await ping(found.peer, gone.signal), bridge: book.explain(peer)?.peer.bridge ?? null };
  });

  app.get('/v1/events', (request, reply) => {
    if (readers >= maxReaders) {
      return refuse(reply, 503, { code: 'CONTROL_BUSY', message: `${maxReaders} readers follow the events already.` });
    }
    readers += 1;
    reply.hijack();
    const { raw } = reply;
    const asEvents = request.headers.accept === eventStream;
    const type = asEvents ? eventStream : 'application/x-ndjson';
    raw.writeHead(200, { ...reply.getHeaders(), 'content-type': type, 'cache-control': 'no-store' } as OutgoingHttpHeaders);
    raw.flushHeaders();
    const unsubscribe = subscribe((event) => {
      const line = JSON.stringify(event);
      raw.write(asEvents ? `data: ${line}\n\n` : `${line}\n`);
      if (raw.writableLength > maxUnread) raw.destroy();
    });
    raw.once('close', () => {
      readers -= 1;
      unsubscribe();
    });
    return undefined;
  });

  app.get('/v1/events/recent', async () => ({ schemaVersion, events: recent.list() }));

  if (changes) addChangeRoutes(app, changes, { book, subscribe });

  addObservationRoutes(app, book, observation);
  app.get('/v1/openapi.json', async () => openApi);
  return app;
}

function unknownPeer(peer: string): Failure {
  return {
    code: 'PEER_UNKNOWN',
    message: `This agent has not had to do with ${peer}.`,
    help: 'Send it something over the overlay, a ping for instance; the agent serves peers that there is a session with.',
  };
}
