import type { ByteStream, Endpoint } from './net.js';

/**
 * The kernel's own TCP over a UDP socket: its segments travel as datagrams, between two namespaces that nobody else sees. Not sealed: as
 * with TCP itself, whoever sees the datagrams can read and forge them; who does not cannot.
 */
export interface KernelTunnel {
  /** The TCP connection. When it closes, the tunnel does a moment later. */
  readonly stream: ByteStream;
  /** Where the datagrams go. */
  readonly remote: Endpoint;
}

export interface OpenTunnelOptions {
  /** What a UDP socket of this process is bound to. The tunnel has a duplicate; the socket is to be closed. */
  readonly local: Endpoint;
  /** Closes that socket. */
  release(): Promise<void>;
  readonly remote: Endpoint;
  /** One end listens for the TCP connection, the other connects. */
  readonly listens: boolean;
  /** Agreed on beforehand, 32 bits each, unguessable. */
  readonly localId: number;
  readonly remoteId: number;
  /** Secrets of the two ends, for this tunnel alone: 32 bytes that prove who sends, and 8 in front of each end's segments. */
  readonly key: Uint8Array;
  readonly ownTag: Uint8Array;
  readonly peerTag: Uint8Array;
  /** A datagram came that is none of the tunnel's. Whatever it sends goes by the tunnel's socket. */
  onMessage(data: Buffer, remote: Endpoint, answer: (data: Uint8Array) => void): void;
  /** Its abort closes the tunnel and rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Whoever makes tunnels, where the system lets it. */
export interface KernelTunnels {
  /** Why this machine cannot, in one sentence for the operator; undefined if it can. Leaves nothing behind. */
  lack(): Promise<string | undefined>;
  /** @throws Error of the system, with a `code`; ETIMEDOUT when the other end does not open it; nothing is left behind */
  open(options: OpenTunnelOptions): Promise<KernelTunnel>;
}
