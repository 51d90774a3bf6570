import { systemClock } from '../../src/core/clock.js';
import type { ByteStream, Net } from '../../src/core/net.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { Peering } from '../../src/testing/peering.js';

const clock = { now: systemClock.now, schedule: systemClock.setTimer };
/** What a session has carried when it begins, in bytes: enough to deserve a bridge. */
const firstBytes = 100_000;
/** What `touch` adds to each session, in bytes: more than the agents' signalling beside it. */
const touchBytes = 50_000;

/**
 * Stands in for yggdrasil on the system's own sockets: answers the Admin API, dials the peers it is given, and has sessions with whom it
 * is told to, whose counters stand still. It carries nothing.
 */
export class StandInRouter {
  /** Keys it has sessions with, and what those have carried. */
  private readonly sessions = new Map<string, number>();
  private readonly peerings = new Map<string, Peering>();
  /** How often it was asked for its sessions. */
  polls = 0;

  private constructor(
    readonly key: string,
    private readonly net: Net,
  ) {}

  static async start(net: Net, path: string, key: string): Promise<StandInRouter> {
    const router = new StandInRouter(key, net);
    await net.listenUnix({ path, onStream: (stream) => router.serve(stream) });
    return router;
  }

  /** From now on it has sessions with these alone. */
  meet(keys: readonly string[]): void {
    const wanted = new Set(keys);
    for (const key of this.sessions.keys()) if (!wanted.has(key)) this.sessions.delete(key);
    for (const key of keys) if (!this.sessions.has(key)) this.sessions.set(key, firstBytes);
  }

  /** All sessions carry something. */
  touch(): void {
    for (const [key, bytes] of this.sessions) this.sessions.set(key, bytes + touchBytes);
  }

  /** Keys of those it is peered with. */
  get peeredWith(): string[] {
    return [...this.peerings.values()].flatMap(({ up, remoteKey }) => (up && remoteKey ? remoteKey : []));
  }

  /** Breaks the link with a peer, as a router that fails does. */
  breakLink(key: string): void {
    for (const peering of this.peerings.values()) if (peering.remoteKey === key) peering.end();
  }

  private serve(stream: ByteStream): void {
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      // Agents send one request at a time.
      const { request, arguments: given } = JSON.parse(chunk.toString()) as AdminRequest;
      const answer = this.answer(request.toLowerCase(), given?.uri ?? '');
      stream.write(`${JSON.stringify({ request: {}, ...answer }, null, 2)}\n`);
    });
  }

  private answer(request: string, uri: string): object {
    const { key } = this;
    const identity = uri.replace(/\?.*$/, '');
    const success = (response: object) => ({ status: 'success', response });
    if (request === 'getself')
      return success({ build_name: 'yggdrasil', build_version: '0.5.14', key, address: addressOf(key), subnet: '300::/64' });
    if (request === 'getsessions') {
      this.polls += 1;
      return success({ sessions: this.listSessions() });
    }
    if (request === 'getpeers') return success({ peers: [...this.peerings.values()].map(({ entry }) => entry) });
    if (request === 'addpeer') this.peerings.set(identity, new Peering({ uri, key, net: this.net, clock }));
    if (request === 'removepeer') {
      this.peerings.get(identity)?.end();
      this.peerings.delete(identity);
    }
    return success({});
  }

  private listSessions(): object[] {
    return [...this.sessions].map(([key, bytes]) => ({
      address: addressOf(key),
      key,
      bytes_recvd: bytes,
      bytes_sent: bytes,
      uptime: 3600.123456789,
    }));
  }
}

interface AdminRequest {
  readonly request: string;
  readonly arguments?: { readonly uri?: string };
}
