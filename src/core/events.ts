import diagnostics_channel from 'node:diagnostics_channel';
import type { LogLevel } from './logger.js';
import type { Services } from './peer-services.js';
import type { PumpCounters } from './pump.js';

/** A failure as events carry it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The operator's next step. */
  readonly help?: string;
}

export interface PeerRef {
  /** 32-byte public key, 64 hex digits. */
  readonly key: string;
  /** Overlay address. */
  readonly address: string;
}

interface AttemptRef {
  readonly peer: PeerRef;
  /** Attempt id, 32 hex digits, the same at both ends. */
  readonly attempt: string;
  readonly strategy: string;
}

/** Everything that happens in an agent, by name. Times are in milliseconds, sizes in bytes. */
export interface AgentEvents {
  'agent.started': { version: string };
  'agent.stopped': Record<string, never>;
  'agent.reconfigured': { changed: readonly string[] };
  /** Parts of the platform that are missing, and what that costs. */
  'platform.limited': { missing: string };
  /** `plugin` is what the configuration calls it; it brings a strategy or a discovery source. */
  'plugin.loaded': { plugin: string; strategy?: string; source?: string; file: string; version?: string };
  /** The agent goes on without it. */
  'plugin.failed': Failure & { plugin: string };
  'leftovers.removed': { peers: readonly string[]; files: readonly string[] };
  'router.waiting': Failure & { admin: string };
  'router.connected': PeerRef & { admin: string; version: string };
  'router.lost': Failure & { admin: string };
  /** This machine's addresses are others than before. */
  'network.changed': { addresses: readonly string[] };
  /** A discovery source cannot look for peers at present. */
  'discovery.failed': Failure & { source: string; retryInMs: number };
  /** A discovery source tells of a peer, which it may have heard from another agent; whether it is true is not known yet. */
  'peer.found': { peer: PeerRef; source: string; toldBy?: PeerRef };
  /** What a discovery source told of a peer has expired. */
  'peer.forgotten': { peer: PeerRef; source: string };
  'session.seen': { peer: PeerRef };
  'session.ended': { peer: PeerRef };
  'signalling.listening': { address: string; port: number };
  'signalling.connected': {
    peer: PeerRef;
    role: 'controlling' | 'controlled';
    agentVersion: string;
    strategies: readonly string[];
    rttMs: number;
    /** The peer's wall clock less ours, where its agent tells. */
    clockAheadMs?: number;
  };
  /** What a linked peer offers, in place of what it offered before. */
  'services.heard': { peer: PeerRef } & Services;
  'signalling.closed': Failure & { peer: PeerRef };
  /** A remote that was turned away, or a peer that could not be met. `remote` is its overlay address. */
  'signalling.failed': Failure & { remote: string; retryInMs?: number };
  'attempt.started': AttemptRef & { role: 'controlling' | 'controlled' };
  /** This end did not take what the peer offered. */
  'attempt.refused': AttemptRef & Failure;
  'attempt.failed': AttemptRef & Failure & { durationMs: number };
  'path.proven': AttemptRef & { kind: 'direct' | 'relayed'; local: string; remote: string; rttMs: number; overlayRttMs: number };
  'ladder.exhausted': { peer: PeerRef; failures: readonly (Failure & { strategy: string })[]; retryInMs: number };
  /** The peer is left alone for a while, for a reason other than an exhausted ladder. */
  'peer.resting': Failure & { peer: PeerRef; retryInMs: number };
  /** A proven path could not be handed to the router. */
  'bridge.failed': AttemptRef & Failure;
  'bridge.up': AttemptRef & {
    kind: 'direct' | 'relayed';
    local: string;
    remote: string;
    /** The routers' tree does not know of it. */
    hidden: boolean;
    rttMs: number;
    overlayRttMs: number;
    /** Since the session was first seen. */
    sinceSessionMs: number;
    congestion?: string;
    /** What makes a stream of datagrams, such as `udx`. */
    carrier?: string;
    /** Who relays it, as in PathInfo. */
    relay?: string;
  };
  'bridge.down': AttemptRef & Failure & PumpCounters & { ageMs: number };
  /** Who chooses the relays of paths (docs/routes.md), where relays are used at all. */
  'routes.mode': { mode: 'p2p' | 'static' | 'super'; coordinator?: string };
  /** The coordinator is there to be asked for routes. */
  'routes.coordinated': { coordinator: string };
  /** The coordinator cannot be asked: paths keep the routes that it told last. Told once until it is back. */
  'routes.frozen': Failure & { coordinator: string };
  log: { level: LogLevel; name: string; fields: Record<string, unknown> };
}

export type EventName = keyof AgentEvents;

/** One event as its readers get it. */
export type AgentEvent = {
  [Name in EventName]: { readonly event: Name; readonly agent: string; readonly time: number } & Readonly<AgentEvents[Name]>;
}[EventName];

/** Publishes on the `node:diagnostics_channel` named `ratatoskr.<event>`; costs next to nothing while nobody listens. */
export class EventSource {
  /** Parts of this agent that hear its events alone: a process may run thousands of agents, and none is to hear all of them. */
  readonly hearers = new Set<(event: AgentEvent) => void>();

  constructor(
    /** Tells the agents of one process apart. */
    readonly agent: string,
    private readonly wallTime: () => number = Date.now,
  ) {}

  publish<Name extends EventName>(event: Name, payload: AgentEvents[Name]): void {
    const channel = diagnostics_channel.channel(`ratatoskr.${event}`);
    if (!channel.hasSubscribers && this.hearers.size === 0) return;
    const told = { event, agent: this.agent, time: this.wallTime(), ...payload };
    for (const hear of this.hearers) hear(told as unknown as AgentEvent);
    channel.publish(told);
  }
}

const eventNames: { [Name in EventName]: true } = {
  'agent.started': true,
  'agent.stopped': true,
  'agent.reconfigured': true,
  'platform.limited': true,
  'plugin.loaded': true,
  'plugin.failed': true,
  'leftovers.removed': true,
  'router.waiting': true,
  'router.connected': true,
  'router.lost': true,
  'network.changed': true,
  'discovery.failed': true,
  'peer.found': true,
  'peer.forgotten': true,
  'session.seen': true,
  'session.ended': true,
  'signalling.listening': true,
  'signalling.connected': true,
  'services.heard': true,
  'signalling.closed': true,
  'signalling.failed': true,
  'attempt.started': true,
  'attempt.refused': true,
  'attempt.failed': true,
  'path.proven': true,
  'ladder.exhausted': true,
  'peer.resting': true,
  'bridge.failed': true,
  'bridge.up': true,
  'bridge.down': true,
  'routes.mode': true,
  'routes.coordinated': true,
  'routes.frozen': true,
  log: true,
};

/** Calls `listener` for every event of every agent in this process. @returns a function that ends the subscription */
export function onEvent(listener: (event: AgentEvent) => void): () => void {
  const receive = (message: unknown) => listener(message as AgentEvent);
  const names = Object.keys(eventNames).map((name) => `ratatoskr.${name}`);
  for (const name of names) diagnostics_channel.subscribe(name, receive);
  return () => {
    for (const name of names) diagnostics_channel.unsubscribe(name, receive);
  };
}
