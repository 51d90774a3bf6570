import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import type { Clock } from './clock.js';
import type { PeerRef } from './events.js';
import type { Files } from './files.js';
import type { GatewayPorts } from './gateway-ports.js';
import type { KernelTunnels } from './kernel-tunnel.js';
import type { Logger } from './logger.js';
import type { Net } from './net.js';
import type { KnownService } from './peer-services.js';
import type { Random } from './random.js';
import type { ReliableUdp } from './reliable-udp.js';
import type { UpnpControl } from './upnp-control.js';

/** Version of the contract below; a strategy of another version is not loaded. */
export const strategyApiVersion = 1;

/** A way to open a path to a peer. */
export interface Strategy {
  /** Its name in the config, in logs and on the wire: lower-case words joined by hyphens. */
  readonly name: string;
  /**
   * While a relayed path of this strategy is in use, attempts go on from time to time, and reject where they would find nothing better.
   * @default false
   */
  readonly reroutes?: boolean;
  /** Is it usable on this machine? Leaves nothing behind. */
  probe?(context: ProbeContext): Promise<Probe>;
  /** Called once when the agent runs: the place to undo what a killed one left behind. Attempts may begin before it has resolved. */
  start?(): Promise<void>;
  /** Opens a path, or rejects with a StrategyError. Runs at both ends at the same time. */
  attempt(context: AttemptContext): Promise<Path>;
  /** Gives back mappings, reservations and sockets. Idempotent. */
  close?(): Promise<void>;
}

export interface ProbeContext {
  readonly signal: AbortSignal;
}

/** `unknown` means not checked, which is not the same as unusable. */
export interface Probe {
  readonly usable: 'yes' | 'no' | 'unknown';
  /** Why not, or what limits it: one sentence for the operator. */
  readonly reason?: string;
}

/** The lower public key controls (RFC 8445's terms): it orders the attempts and picks the path. */
export type Role = 'controlling' | 'controlled';

export interface AttemptContext {
  /** Abort means: leave nothing behind and reject. */
  readonly signal: AbortSignal;
  readonly role: Role;
  readonly peer: { readonly key: string; readonly address: string };
  /** 32 bytes that both ends derived for this attempt alone. */
  readonly secret: Uint8Array;
  /** Messages to and from the same attempt at the peer, over the overlay. What comes in is the peer's word: parse it. */
  readonly channel: AttemptChannel;
  /** Round trip to the peer over the overlay in milliseconds. */
  readonly overlayRttMs: number;
  /**
   * Proves that the peer is at the other end of a candidate stream, and settles with it on one when several succeed: of all
   * calls in an attempt, at both ends the one for the same connection resolves, with the stream ready for use. The rest
   * reject and their streams are destroyed, as is one whose other end does not know the secret.
   * `speakFirst` is for streams that this end dialled: what was accepted stays silent until the other end has proved itself.
   */
  prove(stream: Duplex, options: { readonly speakFirst: boolean }): Promise<Duplex>;
}

export interface AttemptChannel {
  /** @param message anything JSON carries, up to 32 KiB */
  send(message: unknown): Promise<void>;
  /** The next message, in order. Rejects when the attempt ends. */
  receive(): Promise<unknown>;
}

export interface PathInfo {
  readonly kind: 'direct' | 'relayed';
  /** Transport addresses as `address:port` or `[address]:port`, for people to read. */
  readonly local: string;
  readonly remote: string;
  /** Congestion control of the transport, where it has one to tell. */
  readonly congestion?: string;
  /** What makes a stream of the transport's datagrams, such as `udx`. */
  readonly carrier?: string;
  /**
   * Who relays it, as `host:port`, `host:port then host:port` for two in a row, or `… out, … back` where the directions differ; only of
   * relayed paths.
   */
  readonly relay?: string;
}

/**
 * A way for the two routers beside the stream, from one router's listener to the other's dial. It begins before the path is handed out
 * and ends with it, a moment later than the stream, for the routers' farewell.
 */
export interface PathPeering {
  /** What this end's router calls it, such as `quic://127.0.0.1:40001`. */
  readonly uri: string;
  /** This end's router is to dial it; otherwise the other end's is. */
  readonly dials: boolean;
  /** Bytes from this end's router and to it so far. */
  readonly bytesOut: number;
  readonly bytesIn: number;
}

/** A stream of bytes to the other agent, and to the routers when it is handed over. With `peering` they do not use the stream. */
export type Path = Duplex & { readonly info: PathInfo; readonly peering?: PathPeering };

/** Labels a stream as a path. */
export function asPath(stream: Duplex, info: PathInfo, peering?: PathPeering): Path {
  return Object.assign(stream, { info, ...(peering ? { peering } : {}) });
}

/** What a strategy may use of the agent. */
export interface StrategyServices {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly addresses: AddressBook;
  /** Folder for what must outlive a restart, such as the journal of what has to be undone. It need not exist yet. */
  readonly stateDir: string;
  /** Ports at the gateway, for all strategies of an agent. */
  readonly gatewayPorts?: Pick<GatewayPorts, keyof GatewayPorts>;
  /** Where {@link stateDir} is. @default the system's */
  readonly files?: Files;
  /** Absent where nothing makes streams of datagrams. */
  readonly reliableUdp?: ReliableUdp;
  /** Absent where the kernel's TCP cannot be had over datagrams. */
  readonly kernelTunnels?: KernelTunnels;
  /** How gateways are asked by UPnP. @default on the system's sockets */
  readonly upnp?: UpnpControl;
  /** Absent where the agent has no links. */
  readonly volunteers?: RelayVolunteers;
}

/** Agents that relay for others. */
export interface RelayVolunteers {
  /** Those that this agent has a link with, and where they say they relay. */
  known(): readonly KnownService[];
  /** Asks one for leave to use it. @returns a secret that is good for one connection soon @throws StrategyError the volunteer's code */
  ticket(peer: PeerRef, signal: AbortSignal): Promise<string>;
}

/** What the agent knows of its own transport addresses. */
export interface AddressBook {
  /** STUN servers that the operator named, in order, as `host:port`. */
  readonly stunServers: readonly string[];
  /** Peers that answer STUN, as `host:port`: to ask when none of the servers answers. @default none */
  readonly stunPeers?: readonly string[];
  /**
   * Addresses at which a peer was heard on a network that this machine is on: evidence that both ends share it.
   * @param key the peer's public key
   */
  neighbour?(key: string): readonly string[];
}

/** What a strategy's module exports. */
export interface StrategyDefinition<Options = unknown> {
  readonly name: string;
  readonly apiVersion: typeof strategyApiVersion;
  /** Schema of its options in the config. */
  readonly options: z.ZodType<Options>;
  create(options: Options, services: StrategyServices): Strategy;
}

/** On what {@link defineStrategy} made; every copy of this package in a process knows the same. */
const strategyMark = Symbol.for('ratatoskr.strategy');

/** Types a definition and marks it as one; the agent checks it again when it loads it. */
export function defineStrategy<Options>(definition: StrategyDefinition<Options>): StrategyDefinition<Options> {
  return Object.defineProperty(definition, strategyMark, { value: true });
}

/** Was it made by {@link defineStrategy}, in whatever copy of this package? Nothing is said of its parts. */
export function isStrategyDefinition(value: unknown): value is StrategyDefinition {
  return typeof value === 'object' && value !== null && strategyMark in value;
}
