import type { AgentEvent, EventName, PeerRef } from '../core/events.js';
import { formatEndpoint } from '../core/format-endpoint.js';
import type { PumpReadings } from '../core/pump.js';
import type { Attempts } from './observation-schemas.js';
import {
  type AttemptReport,
  type Explanation,
  type PeerReport,
  type RoutesReport,
  type Status,
  schemaVersion,
} from './schemas.js';

/** Attempts remembered for each peer, and peers remembered: of more, the one that was quiet the longest is forgotten. */
const maxAttempts = 64;
const maxPeers = 1024;
/** Attempts with all peers that are told at once. */
const maxRecent = 200;

type EventOf<Name extends EventName> = Extract<AgentEvent, { event: Name }>;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Entry {
  readonly report: Mutable<PeerReport>;
  readonly attempts: Mutable<AttemptReport>[];
}

/** What is the case, put together from what has happened: a reader of the agent's events, which nothing in the core knows. */
export class StatusBook {
  /** By key, the one that was quiet the longest first. */
  private readonly peers = new Map<string, Entry>();
  private readonly agent: Mutable<Status['agent']>;
  private readonly router: Mutable<Status['router']> = {
    state: 'waiting',
    admin: null,
    version: null,
    key: null,
    address: null,
    failure: null,
  };
  private readonly signalling: Mutable<Status['signalling']> = { listening: false, failure: null };
  private routes: RoutesReport = null;

  /** @param traffic what has gone over the bridge that came of an attempt; undefined for one that is not up */
  constructor(
    about: { readonly version: string; readonly pid: number; readonly startedAt: number },
    private readonly traffic: (attempt: string) => PumpReadings | undefined = () => undefined,
  ) {
    this.agent = { version: about.version, pid: about.pid, startedAt: isoTime(about.startedAt), limited: null };
  }

  status(): Status {
    const { agent, router, signalling, routes } = this;
    const peers = [...this.peers.values()].map(({ report }) => this.shown(report));
    return { schemaVersion, agent: { ...agent }, router: { ...router }, signalling: { ...signalling }, routes, peers };
  }

  /** @param peer key or overlay address @returns what was tried with it, or undefined for one that is not known */
  explain(peer: string): Explanation | undefined {
    const wanted = peer.toLowerCase();
    const entry = [...this.peers.values()].find(({ report: { key, address } }) => key === wanted || address === wanted);
    if (!entry) return undefined;
    return {
      schemaVersion,
      peer: this.shown(entry.report),
      routes: this.routes,
      attempts: entry.attempts.map((attempt) => ({ ...attempt })),
    };
  }

  /** A copy, with what changes all the time as it is now. */
  private shown(report: PeerReport): PeerReport {
    const { bridge } = report;
    const traffic = bridge && this.traffic(bridge.attempt);
    if (!traffic) return { ...report };
    const { counters, delays } = traffic;
    const { bytesIn, bytesOut } = counters;
    return { ...report, bridge: { ...bridge, bytesIn, bytesOut, rttNowMs: delays?.rttMs ?? null } };
  }

  /** The last attempts with all peers, oldest first. */
  recentAttempts(): Attempts {
    const attempts = [...this.peers.values()].flatMap(({ report: { key, address }, attempts }) =>
      attempts.map((attempt) => ({ ...attempt, peer: { key, address } })),
    );
    attempts.sort((one, other) => one.startedAt.localeCompare(other.startedAt));
    return { schemaVersion, attempts: attempts.slice(-maxRecent) };
  }

  read(event: AgentEvent): void {
    const reader = this.readers[event.event] as ((event: AgentEvent) => void) | undefined;
    reader?.(event);
  }

  private readonly readers: { readonly [Name in EventName]?: (event: EventOf<Name>) => void } = {
    'platform.limited': ({ missing }) => {
      this.agent.limited = missing;
    },
    'router.waiting': ({ admin, code, message, help }) =>
      void Object.assign(this.router, { state: 'waiting', admin, failure: failureOf({ code, message, help }) }),
    'router.connected': ({ admin, version, key, address }) =>
      void Object.assign(this.router, { state: 'connected', admin, version, key, address, failure: null }),
    'router.lost': (event) => {
      Object.assign(this.router, { state: 'waiting', failure: failureOf(event) });
      this.signalling.listening = false;
    },
    'signalling.listening': () => void Object.assign(this.signalling, { listening: true, failure: null }),
    'signalling.failed': (event) => {
      const entry = [...this.peers.values()].find(({ report }) => report.address === event.remote);
      if (entry) this.fail(entry, event, event.retryInMs);
      else if (event.remote === this.router.address && !this.signalling.listening) this.signalling.failure = failureOf(event);
    },
    'peer.found': ({ peer, source, toldBy }) => {
      const { report } = this.entry(peer);
      if (toldBy) report.toldBy = toldBy.address;
      report.foundBy = [...report.foundBy.filter((name) => name !== source), source];
    },
    'peer.forgotten': ({ peer, source }) => {
      const { report } = this.entry(peer);
      report.foundBy = report.foundBy.filter((name) => name !== source);
      if (report.foundBy.length === 0) report.toldBy = null;
    },
    'session.seen': ({ peer }) => {
      this.entry(peer).report.session = true;
    },
    'session.ended': ({ peer }) => void Object.assign(this.entry(peer).report, { session: false, nextTryAt: null }),
    'signalling.connected': ({ peer, agentVersion: version, role, strategies, rttMs, clockAheadMs = null, time }) => {
      const { report } = this.entry(peer);
      report.agent = { version, role, strategies: [...strategies], rttMs, clockAheadMs, since: isoTime(time) };
    },
    'services.heard': ({ peer, stun, relay }) => {
      this.entry(peer).report.services = { stun: stun.map(formatEndpoint), relay: relay.map(formatEndpoint) };
    },
    'signalling.closed': ({ peer }) => {
      Object.assign(this.entry(peer).report, { agent: null, services: noServices });
    },
    'attempt.started': ({ peer, attempt, strategy, role, time }) => {
      const { attempts } = this.entry(peer);
      attempts.push({
        attempt,
        strategy,
        role,
        startedAt: isoTime(time),
        provenAt: null,
        endedAt: null,
        outcome: 'under way',
        failure: null,
        path: null,
      });
      if (attempts.length > maxAttempts) attempts.shift();
    },
    'attempt.failed': (event) => this.endAttempt(event, 'failed'),
    'path.proven': ({ peer, attempt, kind, local, remote, rttMs, overlayRttMs, time }) => {
      const found = this.attempt(peer, attempt);
      if (found)
        Object.assign(found, { outcome: 'path', provenAt: isoTime(time), path: { kind, local, remote, rttMs, overlayRttMs } });
    },
    'ladder.exhausted': (event) => {
      const [last] = event.failures.slice(-1);
      if (last) this.fail(this.entry(event.peer), { ...last, time: event.time }, event.retryInMs);
    },
    'peer.resting': (event) => this.fail(this.entry(event.peer), event, event.retryInMs),
    'bridge.failed': (event) => {
      this.endAttempt(event, 'failed');
      this.fail(this.entry(event.peer), event);
    },
    'bridge.up': (event) => {
      const { peer, attempt, strategy, kind, relay = null, local, remote, rttMs, overlayRttMs, congestion = null, time } = event;
      const found = this.attempt(peer, attempt);
      if (found) found.outcome = 'bridge';
      const traffic = { rttNowMs: null, bytesIn: 0, bytesOut: 0 };
      const upSince = isoTime(time);
      const bridge = { attempt, strategy, kind, relay, local, remote, rttMs, overlayRttMs, congestion, upSince, ...traffic };
      Object.assign(this.entry(peer).report, { bridge, failure: null, nextTryAt: null });
    },
    'bridge.down': (event) => {
      this.endAttempt(event, 'ended');
      const entry = this.entry(event.peer);
      // A bridge that a better one has replaced is down too.
      if (entry.report.bridge?.attempt !== event.attempt) return;
      entry.report.bridge = null;
      this.fail(entry, event);
    },
    'routes.mode': ({ mode, coordinator = null }) => {
      this.routes = { mode, coordinator, frozenSince: null, failure: null };
    },
    'routes.coordinated': () => {
      if (this.routes) this.routes = { ...this.routes, frozenSince: null, failure: null };
    },
    'routes.frozen': (event) => {
      if (this.routes) this.routes = { ...this.routes, frozenSince: isoTime(event.time), failure: failureOf(event) };
    },
  };

  /** The entry of a peer, which moves to the end of the queue. */
  private entry({ key, address }: PeerRef): Entry {
    const entry = this.peers.get(key) ?? {
      report: {
        key,
        address,
        session: false,
        foundBy: [],
        toldBy: null,
        services: noServices,
        agent: null,
        bridge: null,
        failure: null,
        nextTryAt: null,
      },
      attempts: [],
    };
    this.peers.delete(key);
    this.peers.set(key, entry);
    if (this.peers.size > maxPeers) this.forgetOne();
    return entry;
  }

  private forgetOne(): void {
    const entries = [...this.peers];
    const [key] = entries.find(([, { report }]) => !report.bridge) ?? entries[0] ?? [];
    if (key !== undefined) this.peers.delete(key);
  }

  private attempt(peer: PeerRef, id: string): Mutable<AttemptReport> | undefined {
    return this.peers.get(peer.key)?.attempts.find(({ attempt }) => attempt === id);
  }

  private endAttempt(event: EventOf<'attempt.failed' | 'bridge.failed' | 'bridge.down'>, outcome: 'failed' | 'ended'): void {
    const found = this.attempt(event.peer, event.attempt);
    if (found) Object.assign(found, { outcome, endedAt: isoTime(event.time), failure: failureOf(event) });
  }

  private fail({ report }: Entry, event: FailureFields & { readonly time: number }, retryInMs?: number): void {
    report.failure = { ...failureOf(event), at: isoTime(event.time) };
    report.nextTryAt = retryInMs === undefined ? null : isoTime(event.time + retryInMs);
  }
}

interface FailureFields {
  readonly code: string;
  readonly message: string;
  readonly help?: string | undefined;
}

function failureOf({ code, message, help }: FailureFields): { code: string; message: string; help?: string } {
  return { code, message, ...(help === undefined ? {} : { help }) };
}

const noServices: PeerReport['services'] = { stun: [], relay: [] };

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
