import type { Endpoint } from '../core/net.js';
import type { Dependence } from './nat-behaviour.js';
import { endpointKey, type Packet } from './packet.js';

/** Milliseconds that a TCP session is remembered: while it opens or closes, and once it is established (RFC 5382 REQ-5). */
const tcpLifetimeMs = { transitory: 240_000, established: 7_440_000 };

export interface SessionOptions {
  readonly filtering: Dependence;
  readonly udpLifetimeMs: number;
  readonly refresh: 'outbound' | 'both';
}

interface Session {
  expires: number;
  established: boolean;
}

/** Whom one internal endpoint has sent to, and so who may send to it. */
export class SessionTable {
  /** By remote endpoint. */
  private readonly sessions = new Map<string, Session>();
  /** Until when anyone of an address may send. */
  private readonly addresses = new Map<string, number>();
  private latest = 0;

  constructor(private readonly options: SessionOptions) {}

  /** When the last session ends, on the clock. */
  get expires(): number {
    return this.latest;
  }

  outbound(packet: Packet, now: number): void {
    const { destination } = packet;
    const key = endpointKey(destination);
    const known = this.sessions.get(key);
    const session = known && known.expires > now ? known : { expires: 0, established: false };
    this.sessions.set(key, session);
    this.refresh(session, packet, destination, now);
    if (packet.protocol === 'tcp' && packet.tcp.flags.rst) this.sessions.delete(key);
  }

  /** @returns whether the filter lets it in */
  inbound(packet: Packet, now: number): boolean {
    const { source } = packet;
    const key = endpointKey(source);
    const session = this.sessions.get(key);
    const known = session !== undefined && session.expires > now;
    if (!known && !this.admits(source.address, now)) return false;
    if (session && known) {
      if (packet.protocol === 'tcp') {
        session.established ||= packet.tcp.flags.ack === true;
        this.refresh(session, packet, source, now);
        // A session that was reset is over: the next SYN is a stranger's.
        if (packet.tcp.flags.rst) this.sessions.delete(key);
      } else if (this.options.refresh === 'both') this.refresh(session, packet, source, now);
    }
    return true;
  }

  /** Has it sent to this very endpoint? */
  knows(remote: Endpoint, now: number): boolean {
    return (this.sessions.get(endpointKey(remote))?.expires ?? 0) > now;
  }

  private admits(address: string, now: number): boolean {
    const { filtering } = this.options;
    if (filtering === 'endpoint-independent') return this.latest > now;
    return filtering === 'address-dependent' && (this.addresses.get(address) ?? 0) > now;
  }

  private refresh(session: Session, packet: Packet, remote: Endpoint, now: number): void {
    const closing = packet.protocol === 'tcp' && (packet.tcp.flags.fin || packet.tcp.flags.rst);
    if (closing) session.established = false;
    const lifetime =
      packet.protocol === 'udp'
        ? this.options.udpLifetimeMs
        : session.established
          ? tcpLifetimeMs.established
          : tcpLifetimeMs.transitory;
    session.expires = now + lifetime;
    this.latest = Math.max(this.latest, session.expires);
    this.addresses.set(remote.address, Math.max(this.addresses.get(remote.address) ?? 0, session.expires));
  }
}
