import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { ByteStream, Endpoint, Listener, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { sourceOf } from '../../core/rate-limit.js';
import { isPublicAddress } from '../../core/reach.js';
import { readExactly } from '../../core/read-exactly.js';
import type { ReliableUdp } from '../../core/reliable-udp.js';
import { sealAsServer } from '../../core/sealing.js';
import { tunePath } from '../../discovery/tcp-path.js';
import { DatagramDoor } from '../datagrams/datagram-door.js';
import { Greetings, greetingTimeoutMs } from '../greetings.js';
import { listenAtEach } from '../listen-at-each.js';
import { YamuxSession } from '../yamux/session.js';
import { Allowance, type AllowanceLimits } from './allowance.js';
import { countBy } from './count-by.js';
import { OtherRelays } from './other-relays.js';
import { type ReservationLimits, Reservations } from './reservations.js';
import { serveStream } from './serve-stream.js';
import { StunAnswers } from './stun-answers.js';
import { Tickets } from './tickets.js';

export type RelayLimits = AllowanceLimits & ReservationLimits;

export interface RelayServerOptions {
  readonly net: Pick<Net, 'listenTcp' | 'bindUdp' | 'tune' | 'connectTcp'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where to listen, families that this machine lacks left out; port 0 lets the system pick. */
  readonly listen: readonly Endpoint[];
  /** Listen over UDP at the same ports, too, and answer STUN there. @default false */
  readonly datagrams?: boolean;
  /** What makes streams of datagrams; without it, there is no more than STUN over UDP. */
  readonly reliableUdp?: ReliableUdp | undefined;
  readonly limits: RelayLimits;
  /** May another relay be at this address? @default only at public ones */
  mayBeRelay?(address: string): boolean;
  /** Who has standing leave to reserve places, by the identity that it shows. @default nobody */
  invited?(identity: string): { readonly owner: string; readonly key: Uint8Array } | undefined;
}

/** What a relay does now, and has done since it was opened. */
export interface RelayStatus {
  /** Places reserved, and connections that have proved themselves. */
  readonly circuits: number;
  readonly sessions: number;
  /** Bytes carried, both directions together. */
  readonly bytes: number;
  /** Binding requests answered. */
  readonly answered: number;
  /** Connections that were closed because they did not prove themselves, and beyond what one source or all together may have. */
  readonly turnedAway: number;
}

/** Who uses a relay. */
export interface RelayUser {
  /** Public key, or the name of an invite. */
  readonly name: string;
  readonly circuits: number;
  readonly sessions: number;
  readonly bytes: number;
}

/** A connection that carries no stream for this long is closed, in milliseconds. */
const idleMs = 30_000;
/** Connections of one peer, or with one place's token, beside one for each circuit. An old one may linger for some seconds. */
const spareSessionsPerClient = 4;
/** First bytes of a TLS handshake (RFC 8446 §5.1) and of a STUN Binding request (RFC 8489 §5). */
const tlsHandshake = 0x16;
const stunRequest = 0x00;

/**
 * Relays between agents: whoever has a ticket or an invite may reserve places, and whoever has a place's token may connect to it. Knows no router
 * and no peers but by the names in those, and never more than ciphertext. On the same port it answers STUN Binding requests,
 * by which agents measure how far it is.
 */
export class RelayServer {
  private readonly tickets: Tickets;
  private readonly reservations: Reservations;
  private readonly allowance: Allowance;
  private readonly stun: StunAnswers;
  private readonly others: OtherRelays;
  private readonly listeners: Listener[] = [];
  private readonly sockets: { close(): Promise<void> }[] = [];
  private readonly door: DatagramDoor;
  private readonly greetings = new Greetings();
  /** Sessions, with the peer that each belongs to, or the identity of the place that it came for. */
  private readonly sessions = new Map<YamuxSession, string>();
  private readonly refused = new Map<string, number>();
  private turnedAway = 0;
  private readonly over = new AbortController();

  private constructor(private readonly options: RelayServerOptions) {
    const { net, clock, random, limits, mayBeRelay = isPublicAddress } = options;
    this.tickets = new Tickets(clock, random);
    this.reservations = new Reservations(clock, random, limits);
    this.allowance = new Allowance(clock, limits);
    this.stun = new StunAnswers(clock);
    this.others = new OtherRelays({ net, clock, random, mayBeRelay });
    // Every connection that is being let in listens.
    setMaxListeners(0, this.over.signal);
    this.door = new DatagramDoor({
      ...{ clock, random: options.random },
      keyOf: (identity) => this.find(identity)?.key,
      hasRoom: ({ address }) => this.greetings.hasRoom(sourceOf(address)),
      onStream: (stream) => {
        this.greetings.add(stream, sourceOf(stream.remote.address));
        this.admit(stream).catch((error: unknown) => this.turnAway(stream, error));
      },
      answer: (data, local, remote) => this.stun.answer(data, local, remote, 'udp'),
    });
  }

  /** Resolves when it listens. @throws AgentError RELAY_LISTEN_FAILED; nothing is left behind then */
  static async open(options: RelayServerOptions): Promise<RelayServer> {
    const server = new RelayServer(options);
    try {
      await listenAtEach(options.listen, (local) => server.listen(local), 'RELAY_LISTEN_FAILED', 'relay');
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where it listens. */
  get local(): readonly Endpoint[] {
    return this.listeners.flatMap(({ local }) => local ?? []);
  }

  get status(): RelayStatus {
    const { reservations, sessions, allowance, stun, turnedAway } = this;
    const { carried: bytes } = allowance;
    return { circuits: reservations.count, sessions: sessions.size, bytes, answered: stun.answered, turnedAway };
  }

  /** Requests refused so far, by the code of the reason. */
  get refusals(): ReadonlyMap<string, number> {
    return this.refused;
  }

  /** Those who have places or have had something carried: those with most of it first. Guests that only connect are not among them. */
  get users(): readonly RelayUser[] {
    const circuits = this.reservations.perOwner;
    const carried = this.allowance.users;
    const sessions = countBy(this.sessions.values());
    const users = [...new Set([...circuits.keys(), ...carried.keys()])].map((name) => ({
      name,
      circuits: circuits.get(name) ?? 0,
      sessions: sessions.get(name) ?? 0,
      bytes: carried.get(name) ?? 0,
    }));
    return users.sort((a, b) => b.circuits - a.circuits || b.bytes - a.bytes);
  }

  /**
   * Lets a peer connect for a minute, in place of its last ticket.
   * @param owner its public key, or another name that its caps are counted by
   * @returns the token, a secret between the relay and this peer
   * @throws StrategyError RELAY_BYTES_SPENT, RELAY_TIME_SPENT
   */
  issueTicket(owner: string): string {
    this.allowance.check(owner);
    return this.tickets.issue(owner);
  }

  /** Ends every circuit and gives the ports back. Idempotent. */
  async close(): Promise<void> {
    this.over.abort(new StrategyError('RELAY_LOST', 'The relay is leaving.'));
    this.others.close();
    for (const session of [...this.sessions.keys()]) session.destroy();
    this.greetings.close();
    await Promise.all([...this.listeners, ...this.sockets].map((each) => each.close()));
  }

  private async listen(local: Endpoint): Promise<void> {
    const listener = await this.options.net.listenTcp({
      local,
      onStream: (stream) => void this.welcome(stream),
      onError: (error) => this.options.log.error('relay.listener-failed', { ...describeError(error) }),
    });
    this.listeners.push(listener);
    if (!this.options.datagrams) return;
    const place = { address: local.address, port: listener.local?.port ?? local.port };
    this.sockets.push(await this.door.listen(this.options.net, this.options.reliableUdp, place));
  }

  /** A connection from anyone. Never rejects. */
  private async welcome(stream: ByteStream): Promise<void> {
    const source = sourceOf(stream.remoteAddress ?? '');
    if (!this.greetings.hasRoom(source)) {
      this.turnedAway += 1;
      stream.destroy();
      return;
    }
    this.greetings.add(stream, source);
    try {
      const first = await withDeadline(readExactly(stream, 1, this.over.signal), {
        clock: this.options.clock,
        timeoutMs: greetingTimeoutMs,
        expired: () => new Error('it said nothing'),
      });
      stream.unshift(first);
      if (first[0] === stunRequest) this.stun.serve(stream);
      else if (first[0] === tlsHandshake) {
        tunePath(this.options.net, stream);
        await this.admit(stream);
      } else throw new Error('it speaks neither TLS nor STUN');
    } catch (error) {
      this.turnAway(stream, error);
    }
  }

  private turnAway(stream: Duplex, error: unknown): void {
    const source = this.greetings.sourceOf(stream);
    this.turnedAway += 1;
    stream.destroy();
    this.options.log.debug('relay.turned-away', { source, ...describeError(error) });
  }

  private member(identity: string) {
    return this.tickets.find(identity) ?? this.options.invited?.(identity);
  }

  private find(identity: string): { readonly key: Uint8Array } | undefined {
    return this.member(identity) ?? this.reservations.find(identity);
  }

  private async admit(stream: Duplex): Promise<void> {
    const { clock } = this.options;
    const { sealed, identity } = await sealAsServer(stream, (name) => this.find(name)?.key, {
      clock,
      signal: this.over.signal,
      timeoutMs: greetingTimeoutMs,
    });
    this.greetings.proved(stream);
    const owner = this.member(identity)?.owner;
    const client = owner ?? identity;
    const already = [...this.sessions.values()].filter((other) => other === client).length;
    if (!this.find(identity) || already >= spareSessionsPerClient + this.options.limits.maxCircuitsPerPeer) {
      this.turnedAway += 1;
      sealed.destroy();
      return;
    }
    this.serve(sealed, client, owner);
  }

  /** @param owner undefined for who came with a place's token, and may only connect */
  private serve(sealed: Duplex, client: string, owner: string | undefined): void {
    const { clock, log, limits } = this.options;
    const { reservations, allowance, others } = this;
    const leave = () => session.destroy(new Error('nothing was asked for'));
    let idle = clock.setTimer(idleMs, leave);
    const session: YamuxSession = new YamuxSession(sealed, {
      role: 'server',
      // A reservation has a stream, and so has its circuit; as many may lead to others.
      maxStreams: owner === undefined ? 16 : 4 * limits.maxCircuitsPerPeer,
      onStream: (stream) => {
        idle.cancel();
        const refused = (code: string) => this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
        void serveStream(stream, { session, owner, reservations, allowance, others, clock, log, refused });
      },
      onIdle: () => {
        idle.cancel();
        idle = clock.setTimer(idleMs, leave);
      },
    });
    this.sessions.set(session, client);
    const forget = () => {
      idle.cancel();
      this.sessions.delete(session);
    };
    session.closed.addEventListener('abort', forget, { once: true });
  }
}
