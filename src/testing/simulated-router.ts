import { JsonSplitter } from '../core/admin/json-splitter.js';
import type { ByteStream, Net } from '../core/net.js';
import { addressOf } from '../core/overlay-address.js';
import type { Host } from './host.js';
import { Peering } from './peering.js';

/** A session ends when nothing has passed for so long, in milliseconds, as in yggdrasil. */
const sessionIdleMs = 60_000;

interface Session {
  readonly key: string;
  readonly since: number;
  last: number;
  bytesIn: number;
  bytesOut: number;
}

export interface SimulatedRouterOptions {
  /** 64 hex digits. */
  readonly key: string;
  /** @default '0.5.14' */
  readonly version?: string;
}

/**
 * Stands in for yggdrasil on a host: answers the Admin API on a unix socket, joins the overlay, counts its sessions, and dials the peers
 * it is given. Of yggdrasil's own protocol it speaks nothing.
 */
export class SimulatedRouter {
  /** Where its Admin API is, as a config has it. */
  readonly admin = 'unix:///run/yggdrasil/yggdrasil.sock';
  readonly key: string;
  readonly address: string;
  private readonly version: string;
  private readonly net: Net;
  private readonly sessions = new Map<string, Session>();
  private readonly peerings = new Map<string, Peering>();
  private readonly connections = new Set<ByteStream>();

  private constructor(
    private readonly host: Host,
    /** Keys of all nodes, by their overlay addresses. */
    private readonly directory: Map<string, string>,
    { key, version = '0.5.14' }: SimulatedRouterOptions,
  ) {
    this.key = key;
    this.address = addressOf(key);
    this.version = version;
    this.net = host.program();
  }

  /** Starts a router on a host. @param directory which nodes there are, shared by all routers of a network */
  static async start(host: Host, directory: Map<string, string>, options: SimulatedRouterOptions): Promise<SimulatedRouter> {
    const router = new SimulatedRouter(host, directory, options);
    directory.set(router.address, router.key);
    host.joinOverlay(router.address);
    host.overlay.meter(router.address, (from, to, bytes) => router.count(from, to, bytes));
    await router.net.bindUdp({ local: { address: router.address, port: discardPort }, onMessage: () => {} });
    await router.net.listenUnix({ path: router.adminPath, onStream: (stream) => router.serve(stream) });
    return router;
  }

  /** The peerings it was given, by their URIs less the query. */
  get peers(): readonly Peering[] {
    return [...this.peerings.values()];
  }

  /** Keys of the nodes that it is peered with directly. */
  get peeredWith(): readonly string[] {
    return this.peers.flatMap(({ up, remoteKey }) => (up && remoteKey ? [remoteKey] : []));
  }

  /** Sends to a node every so often, as programs that use the overlay do. @returns a function that ends it */
  async sendTo(address: string, { everyMs = 100, bytes = 100 } = {}): Promise<() => void> {
    const socket = await this.net.bindUdp({ local: { address: this.address, port: 0 }, onMessage: () => {} });
    const payload = new Uint8Array(bytes);
    let over = false;
    const send = () => {
      if (over) return;
      socket.send(payload, { address, port: discardPort });
      this.host.clock.schedule(everyMs, send);
    };
    send();
    return () => {
      over = true;
      void socket.close();
    };
  }

  /** Ends as if it was killed: what was connected breaks. */
  kill(): void {
    for (const stream of this.connections) stream.resetAndDestroy?.();
    for (const peering of this.peers) peering.end();
    this.peerings.clear();
    this.sessions.clear();
  }

  private get adminPath(): string {
    return this.admin.slice('unix://'.length);
  }

  private count(from: string, to: string, bytes: number): void {
    const other = from === this.address ? to : to === this.address ? from : undefined;
    const key = other === undefined ? undefined : this.directory.get(other);
    if (other === undefined || key === undefined) return;
    const now = this.host.clock.now();
    const session = this.sessions.get(other) ?? { key, since: now, last: now, bytesIn: 0, bytesOut: 0 };
    this.sessions.set(other, session);
    session.last = now;
    if (from === this.address) session.bytesOut += bytes;
    else session.bytesIn += bytes;
  }

  private serve(stream: ByteStream): void {
    const splitter = new JsonSplitter(1 << 20, (text) => {
      const { request, arguments: given = {} } = JSON.parse(text.toString()) as AdminRequest;
      stream.write(`${JSON.stringify({ request, ...this.answer(request, given) })}\n`);
    });
    this.connections.add(stream);
    stream.once('close', () => this.connections.delete(stream));
    stream.on('end', () => stream.end());
    stream.on('data', (chunk: Buffer) => splitter.push(chunk));
  }

  /** What yggdrasil 0.5.14 answers (src/admin). */
  private answer(request: string, { uri = '' }: AdminRequest['arguments'] = {}): AdminReply {
    const success = (response: object): AdminReply => ({ status: 'success', response });
    const identity = uri.replace(/\?.*$/, '');
    switch (request.toLowerCase()) {
      case 'getself':
        return success({ build_name: 'yggdrasil', build_version: this.version, key: this.key, address: this.address });
      case 'getsessions':
        return success({ sessions: this.listSessions() });
      case 'getpeers':
        return success({ peers: this.peers.map((peering) => peering.entry) });
      case 'addpeer':
        if (this.peerings.has(identity)) return { status: 'error', error: 'peer is already configured' };
        this.peerings.set(identity, new Peering({ uri, key: this.key, net: this.net, clock: this.host.clock }));
        return success({});
      case 'removepeer': {
        const peering = this.peerings.get(identity);
        if (!peering) return { status: 'error', error: 'peer is not configured' };
        this.peerings.delete(identity);
        peering.end();
        return success({});
      }
      default:
        return { status: 'error', error: `unknown action '${request}', try 'list' for help` };
    }
  }

  private listSessions(): object[] {
    const now = this.host.clock.now();
    for (const [address, { last }] of this.sessions) if (now - last > sessionIdleMs) this.sessions.delete(address);
    return [...this.sessions].map(([address, { key, since, bytesIn, bytesOut }]) => ({
      address,
      key,
      bytes_recvd: bytesIn,
      bytes_sent: bytesOut,
      uptime: (now - since) / 1000,
    }));
  }
}

/** RFC 863. */
const discardPort = 9;

interface AdminRequest {
  readonly request: string;
  readonly arguments?: { readonly uri?: string };
}

type AdminReply =
  | { readonly status: 'success'; readonly response: object }
  | { readonly status: 'error'; readonly error: string };
