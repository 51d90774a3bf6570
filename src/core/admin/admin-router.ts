import { BackOff } from '../back-off.js';
import { type Clock, sleep, type Timer } from '../clock.js';
import { AdminError, describeError } from '../errors.js';
import type { EventSource, Failure } from '../events.js';
import type { Net } from '../net.js';
import type { Random } from '../random.js';
import type { Router, RouterPeer, RouterSelf, RouterSession } from '../router.js';
import { type AdminTarget, parseAdminUri } from './admin-uri.js';
import type { AdminConnection } from './connection.js';
import { findRouter } from './find-router.js';
import type { PeerJournal } from './peer-journal.js';
import { type PeerIdentity, peerIdentity } from './peer-uri.js';
import { readPeers } from './read-peers.js';
import type { RouterLink } from './router-link.js';
import { parseDone, parsePeers, parseSessions } from './schemas.js';
import { SessionReader } from './session-reader.js';

/** Milliseconds between tries to connect; a router that is too old is asked less often. */
const pauses = { firstMs: 250, longestMs: 5000, tooOldMs: 10_000 };
/**
 * Milliseconds that a router which was not there is left alone once it listens. yggdrasil 0.5.14 does so before it has all its handlers
 * (src/admin/admin.go, AddHandler without a lock), and a request that meets one being added ends it with "concurrent map read and map write".
 */
const startUpMs = 500;
/** Milliseconds until a peering that could not be removed is tried again. */
const removalRetryMs = 5000;

export interface AdminRouterOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSource;
  readonly journal: PeerJournal;
  /** Admin sockets to try in order, `unix:///path` or `tcp://host:port`. Empty: found anew at each try. */
  readonly uris: readonly string[];
}

/** The router behind its Admin API. It is there while {@link run} runs, which connects, and reconnects when the router restarts. */
export class AdminRouter implements Router {
  private readonly targets: readonly AdminTarget[];
  private link: RouterLink | undefined;
  /** What earlier runs, or a removal that failed, left in the router. */
  private readonly leftovers: Set<PeerIdentity>;
  private removalTimer: Timer | undefined;
  private removal: Promise<void> = Promise.resolve();
  private misaddressedTold = false;
  private readonly sessionReader = new SessionReader();
  private readonly connectedListeners = new Set<(self: RouterSelf) => void>();
  private readonly lostListeners = new Set<(reason: Failure) => void>();

  /** @throws ConfigError ADMIN_URI_INVALID */
  constructor(private readonly options: AdminRouterOptions) {
    this.targets = options.uris.map(parseAdminUri);
    this.leftovers = new Set(options.journal.entries());
  }

  get self(): RouterSelf | undefined {
    return this.link?.self;
  }

  get process(): { readonly pid: number; readonly uid: number } | undefined {
    return this.link?.process;
  }

  /** Calls `listener` each time a router has been found and may be used. @returns a function that ends it */
  onConnected(listener: (self: RouterSelf) => void): () => void {
    this.connectedListeners.add(listener);
    return () => this.connectedListeners.delete(listener);
  }

  /** Calls `listener` each time the router is gone; peerings that were added may be gone with it. @returns a function that ends it */
  onLost(listener: (reason: Failure) => void): () => void {
    this.lostListeners.add(listener);
    return () => this.lostListeners.delete(listener);
  }

  /** Keeps a connection to the router until the signal aborts, then resolves with all connections closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backOff = new BackOff({ ...pauses, random: this.options.random });
    const told = new Set<string>();
    let wasAbsent = false;
    while (!signal.aborted) {
      let reason: unknown;
      try {
        const link = await this.connect(signal, wasAbsent ? startUpMs : 0);
        told.clear();
        const since = this.options.clock.now();
        reason = await this.serve(link, signal);
        // A router that drops us as soon as it has answered is not to be hammered.
        if (this.options.clock.now() - since > pauses.longestMs) backOff.reset();
      } catch (error) {
        if (signal.aborted) return;
        reason = error;
        this.tellWaiting(error, told);
      }
      const code = reason instanceof AdminError ? reason.code : undefined;
      wasAbsent = code === 'ADMIN_UNREACHABLE' || code === 'ADMIN_CLOSED';
      const tooOld = code === 'ROUTER_TOO_OLD';
      await sleep(this.options.clock, tooOld ? pauses.tooOldMs : backOff.next(), signal).catch(() => undefined);
    }
  }

  async sessions(signal?: AbortSignal): Promise<readonly RouterSession[]> {
    const read = (reply: Buffer) => this.sessionReader.read(reply);
    const { sessions, misaddressed } = await this.linked().polls.call('getSessions', {}, parseSessions, { signal, read });
    if (misaddressed.length > 0 && !this.misaddressedTold) {
      this.misaddressedTold = true;
      this.warn('router.sessions.misaddressed', { keys: misaddressed.slice(0, 10), count: misaddressed.length });
    }
    return sessions;
  }

  async peers(signal?: AbortSignal, wanted: (peer: RouterPeer) => boolean = () => true): Promise<readonly RouterPeer[]> {
    return peersBehind(this.linked().polls, wanted, signal);
  }

  /**
   * Where it fails, the router has no such peering, or is rid of it as soon as it allows.
   * @throws AdminError PEER_URI_INVALID; ADMIN_REFUSED, also when the router has a peering of that identity already;
   * ADMIN_UNREACHABLE, ADMIN_TIMEOUT, ADMIN_CLOSED; AgentError JOURNAL_UNWRITABLE; the signal's reason
   */
  async addPeer(uri: string, signal?: AbortSignal): Promise<void> {
    const peer = peerIdentity(uri);
    const connection = await this.linked().changes();
    const { journal } = this.options;
    const wasOurs = journal.has(peer);
    await journal.put(peer);
    this.leftovers.delete(peer);
    try {
      await connection.call('addPeer', { uri }, (response) => parseDone(response, 'addPeer'), { signal });
    } catch (error) {
      if (!(error instanceof AdminError) || error.code !== 'ADMIN_REFUSED') {
        this.removeLater(peer);
        throw error;
      }
      if (!wasOurs) await this.forget(peer);
      throw withoutSecrets(error);
    }
  }

  /**
   * Where it fails, the peering is removed as soon as the router allows.
   * @throws AdminError PEER_NOT_OURS, ADMIN_UNREACHABLE, ADMIN_TIMEOUT, ADMIN_CLOSED, ADMIN_REFUSED
   */
  async removePeer(uri: string): Promise<void> {
    const peer = peerIdentity(uri);
    if (!this.options.journal.has(peer)) {
      throw new AdminError('PEER_NOT_OURS', `The agent has not added ${peer}, and leaves it alone.`);
    }
    try {
      await this.remove(peer);
    } catch (error) {
      if (this.options.journal.has(peer)) this.removeLater(peer);
      throw error;
    }
  }

  private async remove(peer: PeerIdentity): Promise<void> {
    const connection = await this.linked().changes();
    const [entry] = await peersBehind(connection, ({ uri }) => uri === peer);
    if (entry?.inbound) {
      // An inbound link has no cancel function, and the router calls it: yggdrasil 0.5.14 panics (src/core/link.go, remove).
      await this.forget(peer);
      throw new AdminError(
        'PEER_NOT_OURS',
        `${peer} is an inbound link of the router now, and removing it would crash yggdrasil.`,
      );
    }
    if (entry) {
      try {
        await connection.call('removePeer', { uri: peer }, (response) => parseDone(response, 'removePeer'));
      } catch (error) {
        if (!(error instanceof AdminError) || error.cause !== 'peer is not configured') throw error;
      }
    }
    await this.forget(peer);
  }

  private async forget(peer: PeerIdentity): Promise<void> {
    this.leftovers.delete(peer);
    // An entry that stays on disk costs one look at the next start.
    await this.options.journal.delete(peer).catch((error) => this.warn('journal.unwritable', { peer, ...describeError(error) }));
  }

  private connect(signal: AbortSignal, restMs: number): Promise<RouterLink> {
    const warn = (reason: string) => this.warn('router.config.unusable', { reason });
    const { net, clock } = this.options;
    return findRouter({ targets: this.targets, net, clock, signal, restMs, warn });
  }

  /** From connected to lost. @returns why it was lost */
  private async serve(link: RouterLink, signal: AbortSignal): Promise<AdminError> {
    const stop = () => link.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.link = link;
    this.misaddressedTold = false;
    const { key, address, version } = link.self;
    const admin = link.target.uri;
    if (!link.versionTold) this.warn('router.version.untold', { version });
    this.options.events.publish('router.connected', { key, address, version, admin });
    this.tell(this.connectedListeners, link.self);
    this.removal = this.removeLeftovers();
    const reason = await link.closed;
    signal.removeEventListener('abort', stop);
    this.link = undefined;
    this.removalTimer?.cancel();
    await this.removal;
    if (signal.aborted) return reason;
    const failure = describeError(reason);
    this.options.events.publish('router.lost', { ...failure, admin });
    this.tell(this.lostListeners, failure);
    return reason;
  }

  private async removeLeftovers(): Promise<void> {
    const removed: PeerIdentity[] = [];
    for (const peer of [...this.leftovers]) {
      try {
        await this.remove(peer);
        removed.push(peer);
      } catch (error) {
        this.warn('router.leftover.stays', { peer, ...describeError(error) });
      }
    }
    if (removed.length > 0) this.options.events.publish('leftovers.removed', { peers: removed, files: [] });
    if (this.leftovers.size > 0) this.scheduleRemoval();
  }

  private removeLater(peer: PeerIdentity): void {
    this.leftovers.add(peer);
    this.scheduleRemoval();
  }

  private scheduleRemoval(): void {
    // Without a router there is nothing to schedule: leftovers are removed when it is back.
    if (!this.link) return;
    this.removalTimer?.cancel();
    this.removalTimer = this.options.clock.setTimer(removalRetryMs, () => {
      this.removal = this.removeLeftovers();
    });
  }

  private linked(): RouterLink {
    if (this.link) return this.link;
    throw new AdminError('ADMIN_UNREACHABLE', 'There is no connection to the router.');
  }

  private tellWaiting(error: unknown, told: Set<string>): void {
    const failure = describeError(error);
    const reason = `${failure.code} ${failure.message}`;
    if (told.has(reason)) return;
    told.add(reason);
    const admin = this.options.uris.length > 0 ? this.options.uris.join(' ') : 'found by itself';
    this.options.events.publish('router.waiting', { ...failure, admin });
  }

  private tell<Value>(listeners: ReadonlySet<(value: Value) => void>, value: Value): void {
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.warn('router.listener.failed', { ...describeError(error) });
      }
    }
  }

  private warn(name: string, fields: Record<string, unknown>): void {
    this.options.events.publish('log', { level: 'warn', name, fields });
  }
}

function peersBehind(
  connection: AdminConnection,
  wanted: (peer: RouterPeer) => boolean,
  signal?: AbortSignal,
): Promise<readonly RouterPeer[]> {
  const read = (reply: Buffer) => readPeers(reply, wanted);
  return connection.call('getPeers', {}, (response) => parsePeers(response).filter(wanted), { signal, read });
}

/** The router’s words on a URI that it cannot parse quote it, password and all. */
function withoutSecrets(error: AdminError): AdminError {
  return error.message.includes('?') ? new AdminError('ADMIN_REFUSED', error.message.replace(/\?\S*/g, '?…')) : error;
}
