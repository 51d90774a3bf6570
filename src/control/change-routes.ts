import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AgentError } from '../core/errors.js';
import type { PeerRef } from '../core/events.js';
import type { ByteStream } from '../core/net.js';
import { schemaVersion } from './schemas.js';
import { type TrialParts, tryPeer } from './trial.js';

/** What may be changed about a running agent, and by whom. */
export interface Changes extends Pick<TrialParts, 'bridge' | 'letGo' | 'isNamed'> {
  /** Keeps away from a peer for as long as the agent runs. */
  readonly unbridge: (peer: PeerRef) => Promise<void>;
  /** Whom a key or an overlay address means; undefined for an address that nobody knows the key of. */
  readonly locate: (peer: string) => Promise<PeerRef | undefined>;
  /** May whoever is at the other end of this connection change anything? */
  readonly mayChange: (stream: ByteStream) => boolean;
}

type PeerRequest = FastifyRequest<{ Params: { peer: string } }>;

/** Adds the routes that change something: for the owner of the agent and root, while the others only tell. */
export function addChangeRoutes(app: FastifyInstance, changes: Changes, parts: Pick<TrialParts, 'book' | 'subscribe'>): void {
  const { bridge, unbridge, mayChange } = changes;
  const owned = async ({ raw }: FastifyRequest) => {
    if (!mayChange(raw.socket)) {
      throw new AgentError('CONTROL_FORBIDDEN', 'Only the agent’s own user and root may change what it does.');
    }
  };
  const locate = async ({ params: { peer } }: PeerRequest): Promise<PeerRef> => {
    const found = parts.book.explain(peer)?.peer ?? (await changes.locate(peer));
    if (!found) throw new AgentError('PEER_UNKNOWN', `The public key of ${peer} is not known here.`);
    return { key: found.key, address: found.address };
  };
  const changed = (peer: PeerRef) => ({ schemaVersion, ...peer });

  app.post<{ Params: { peer: string } }>('/v1/peers/:peer/bridge', { onRequest: owned }, async (request) => {
    const peer = await locate(request);
    await bridge(peer);
    return changed(peer);
  });

  app.post<{ Params: { peer: string } }>('/v1/peers/:peer/unbridge', { onRequest: owned }, async (request) => {
    const peer = await locate(request);
    await unbridge(peer);
    return changed(peer);
  });

  app.post<{ Params: { peer: string } }>('/v1/peers/:peer/trial', { onRequest: owned }, async (request, reply) => {
    return await tryPeer(await locate(request), { ...parts, ...changes }, callerGone(reply));
  });
}

/** Aborts when the caller hangs up: nobody wants the answer any more. */
function callerGone({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort(new AgentError('AGENT_STOPPED', 'The caller has gone.')));
  return gone.signal;
}
