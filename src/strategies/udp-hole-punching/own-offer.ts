import { describeError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { ReliableUdpSocket } from '../../core/reliable-udp.js';
import type { StrategyServices } from '../../core/strategy.js';
import { type Candidate, candidateSchema, distinct, hostCandidates, reflexiveCandidate } from '../../discovery/candidates.js';
import { locateServer } from '../../discovery/stun/server-search.js';
import type { StunTransactions } from '../../discovery/stun/stun-transactions.js';
import type { CarrierOffer } from './carriers.js';
import type { MappedPort } from './mapped-port.js';
import { type Mapping, mappingOf } from './mapping.js';
import { sampleMapping } from './mapping-samples.js';
import { maxServers, type Offer } from './messages.js';

/** How long the names of STUN servers may take to resolve, in milliseconds. */
const resolveDeadlineMs = 1000;
/** Own addresses that are told, so that a machine with many leaves room for what STUN found. */
const maxHostCandidates = 10;

/** The two sockets that checks are sent from, one for each family. */
export interface CheckSockets {
  readonly ipv4: ReliableUdpSocket;
  /** Undefined on a machine without IPv6. */
  readonly ipv6: ReliableUdpSocket | undefined;
}

export interface GatherOptions {
  readonly services: StrategyServices;
  readonly sockets: CheckSockets;
  /** Of the IPv4 socket. */
  readonly transactions: StunTransactions;
  /** Of the IPv4 socket. */
  readonly mappedPort: MappedPort;
  readonly carriers: CarrierOffer;
  /** This end asks for a sealed path. */
  readonly seal: boolean;
  readonly signal: AbortSignal;
}

/** This end's candidates and what its NAT does, as the peer is told. @throws only the signal's reason */
export async function gatherOffer({
  services,
  sockets,
  transactions,
  mappedPort,
  carriers,
  seal,
  signal,
}: GatherOptions): Promise<Offer> {
  const { clock, addresses } = services;
  const sample = async (names: readonly string[]) => {
    const servers = await locateServers(names, services, signal);
    const seen = await sampleMapping({ clock, transactions, local: sockets.ipv4.local, servers, signal });
    return { servers, seen };
  };
  const { servers, seen: seenByServers } = await sample(addresses.stunServers);
  // Of a peer's silence nothing follows: it may have claimed to answer, and not do so.
  const seen = seenByServers.length > 0 ? seenByServers : (await sample(addresses.stunPeers ?? [])).seen;
  const hosts = hostCandidatesOf(services, sockets);
  const mapped = mappedPort.candidates(seen.map(({ address }) => address));
  return {
    // A NAT may take a port that no peer would try.
    candidates: distinct([...hosts, ...mapped, ...seen.map(reflexiveCandidate)]).filter(
      (each) => candidateSchema.safeParse(each).success,
    ),
    mapping: mappingSeen(servers, seen),
    samples: seen,
    // 0 is not an id.
    streamId: Buffer.from(services.random.bytes(4)).readUInt32BE() || 1,
    carriers: [...carriers.carriers],
    listens: carriers.listens,
    seal,
  };
}

function mappingSeen(servers: readonly Endpoint[], seen: readonly Endpoint[]): Mapping {
  return servers.length > 0 && seen.length === 0 ? 'blocked' : mappingOf(seen);
}

function hostCandidatesOf({ net }: StrategyServices, { ipv4, ipv6 }: CheckSockets): Candidate[] {
  const own = (family: 4 | 6, port: number) =>
    hostCandidates(
      net.interfaces().filter((each) => each.family === family),
      port,
    );
  return [...own(4, ipv4.local.port), ...(ipv6 ? own(6, ipv6.local.port) : [])].slice(0, maxHostCandidates);
}

/** IPv4 addresses of servers; names that do not resolve in time are left out. */
async function locateServers(
  names: readonly string[],
  { net, clock, log }: StrategyServices,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  const located = await Promise.all(
    names.slice(0, maxServers).map(async (server) => {
      try {
        const found = await locateServer(server, { net, clock, family: 4, timeoutMs: resolveDeadlineMs, signal });
        return found.slice(0, 1);
      } catch (error) {
        log.debug('stun.failed', { server, ...describeError(error) });
        return [];
      }
    }),
  );
  signal.throwIfAborted();
  return located.flat();
}
