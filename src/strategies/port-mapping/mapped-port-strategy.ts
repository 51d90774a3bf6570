import { z } from 'zod';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { ByteStream } from '../../core/net.js';
import {
  type AttemptContext,
  defineStrategy,
  type Path,
  type Probe,
  type ProbeContext,
  type Strategy,
  type StrategyDefinition,
  type StrategyServices,
} from '../../core/strategy.js';
import { distinct, formatEndpoint, usableCandidates } from '../../discovery/candidates.js';
import { type FindGateway, gatewayFinder } from '../../discovery/gateway/default-gateway.js';
import type { MappingProtocol } from '../../discovery/gateway/mapping-protocol.js';
import { PortMapper } from '../../discovery/gateway/port-mapper.js';
import { openListeningPort } from '../../discovery/listening-port.js';
import { ProvenStream } from '../../discovery/proven-stream.js';
import { sealOption } from '../../discovery/seal-option.js';
import { tcpPath } from '../../discovery/tcp-path.js';
import { dial } from './dial.js';
import { type Reachability, type ReachabilityMessage, reachabilityMessage } from './messages.js';
import { makeReachable, type ReachablePort } from './reachable-port.js';

/** How long the peer may take to make its port reachable, in milliseconds. */
const reachabilityDeadlineMs = 12_000;
/** How long both ends go on dialling, in milliseconds. */
const dialDeadlineMs = 8000;

const options = z.strictObject({
  lifetime: z.number().int().min(60).max(86_400).default(3600).describe('Lease to ask the gateway for, in seconds.'),
  seal: sealOption,
});
type Options = z.infer<typeof options>;

export interface MappedPortStrategyParts {
  readonly name: string;
  /** Made once for each agent, the preferred first. */
  readonly protocols: () => readonly MappingProtocol[];
  /** @default reads the system's routing tables */
  readonly findGateway?: FindGateway;
}

/**
 * A strategy that maps a TCP port at the gateway and lets the peer connect to it. Both ends do so, and whoever can be reached is
 * dialled by the other, so that one gateway that maps ports, or one public host, is enough.
 */
export function mappedPortStrategy(parts: MappedPortStrategyParts): StrategyDefinition<Options> {
  return defineStrategy<Options>({
    name: parts.name,
    apiVersion: 1,
    options,
    create: (chosen, services) => new MappedPortStrategy(parts, chosen, services),
  });
}

class MappedPortStrategy implements Strategy {
  readonly name: string;
  private readonly mapper: PortMapper;

  constructor(
    { name, protocols, findGateway }: MappedPortStrategyParts,
    private readonly options: Options,
    private readonly services: StrategyServices,
  ) {
    this.name = name;
    this.mapper = new PortMapper({
      services,
      protocols: protocols(),
      findGateway: findGateway ?? gatewayFinder(services.net),
      stateDir: services.stateDir,
      journalName: name,
      lifetimeSeconds: options.lifetime,
    });
    services.gatewayPorts?.offer((wanted, signal) => this.mapper.map(wanted, signal));
  }

  /** Mappings of a run that was killed. */
  async start(): Promise<void> {
    await this.mapper.recover();
  }

  close(): Promise<void> {
    return this.mapper.close();
  }

  async probe({ signal }: ProbeContext): Promise<Probe> {
    try {
      const { gateway, protocol } = await this.mapper.probe(4, signal);
      return { usable: 'yes', reason: `The gateway ${gateway.address} maps ports by ${protocol}.` };
    } catch (error) {
      signal.throwIfAborted();
      // The peer's end may do all the same.
      return { usable: 'unknown', reason: describeError(error).message };
    }
  }

  async attempt(context: AttemptContext): Promise<Path> {
    const { net } = this.services;
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const streams = new ProvenStream(context);
    const accepted = new Set<ByteStream>();
    const port = await openListeningPort(net, {
      sharePort: false,
      onStream: (stream) => {
        accepted.add(stream);
        stream.once('close', () => accepted.delete(stream));
        streams.offerIncoming(stream);
      },
    });
    let own: ReachablePort | undefined;
    let path: ByteStream | undefined;
    try {
      own = await makeReachable(port.port, this.mapper, this.services, signal);
      const remote = await this.exchange(context, own);
      path = await this.meet(own, remote, streams, signal);
      const { secret, role } = context;
      const sealed = this.options.seal || remote.seal;
      return await tcpPath(net, path, sealed ? { secret, role, clock: this.services.clock, signal } : undefined);
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      await port.close();
      const { release } = own ?? {};
      // A path that came through the mapping lives by it: gateways may cut what it carried when it goes.
      if (path && accepted.has(path) && !path.destroyed) path.once('close', () => void release?.());
      else await release?.();
    }
  }

  /** Tells the peer where it can reach us, and hears the same. */
  private async exchange({ channel, signal }: AttemptContext, own: Reachability): Promise<ReachabilityMessage> {
    const { candidates, reason } = own;
    await channel.send({ candidates, ...(reason ? { reason } : {}), seal: this.options.seal });
    const answer = await withDeadline(channel.receive(), {
      clock: this.services.clock,
      timeoutMs: reachabilityDeadlineMs,
      signal,
      expired: () => new StrategyError('NO_CANDIDATES', `The peer sent nothing within ${reachabilityDeadlineMs / 1000} s.`),
    });
    const message = reachabilityMessage.safeParse(answer);
    if (message.success) return message.data;
    throw new StrategyError('CANDIDATES_INVALID', 'The peer’s candidates are not valid.', { cause: message.error });
  }

  /** Dials the peer and lets it dial us, until one connection is proven. */
  private async meet(own: Reachability, remote: Reachability, streams: ProvenStream, signal: AbortSignal): Promise<ByteStream> {
    const { net, clock, log } = this.services;
    const targets = usableCandidates(own.candidates, distinct(remote.candidates));
    if (targets.length === 0 && own.candidates.length === 0) {
      const because = ({ reason }: Reachability) => (reason ? `${reason.message} (${reason.code})` : 'no reason was given.');
      throw new StrategyError('NO_MAPPING', `Neither end can be reached. Here: ${because(own)} At the peer: ${because(remote)}`);
    }
    const outcomes = new Map<string, string>();
    log.debug('mapped.dial', { own: own.candidates.map(formatEndpoint), remote: targets.map(formatEndpoint) });
    for (const target of targets) {
      const accept = (stream: ByteStream) => streams.offer(stream, { speakFirst: true });
      const onFailure = (reason: string) => outcomes.set(formatEndpoint(target), reason);
      void dial(target, { net, clock, signal, accept, onFailure });
    }
    return withDeadline(streams.proven, {
      clock,
      timeoutMs: dialDeadlineMs,
      signal,
      expired: () => {
        const tried = [...outcomes].map(([endpoint, outcome]) => `${endpoint} ${outcome}`).join(', ');
        const message = `No connection within ${dialDeadlineMs / 1000} s: ${tried || 'the peer did not reach us'}.`;
        return new StrategyError('MAPPED_UNREACHABLE', message);
      },
    });
  }
}
