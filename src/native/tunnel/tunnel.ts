import type net from 'node:net';
import type { Clock } from '../../core/clock.js';
import type { KernelTunnel, OpenTunnelOptions } from '../../core/kernel-tunnel.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { Addon, Descriptor } from '../addon.js';
import { adoptStream } from '../byte-stream.js';
import { systemError } from '../system-error.js';
import { type Beat, beatStreamId } from '../udx/beat.js';
import { Pulse } from '../udx/pulse.js';

/** Milliseconds between signs of life, after which the other end is given up, and that it may take to open: as over udx. */
const timing = { heartbeatMs: 500, silenceMs: 2000, openMs: 10_000 } as const;

export interface TunnelParts extends OpenTunnelOptions {
  readonly udp: Descriptor;
  readonly tun: Descriptor;
  readonly tcp: Descriptor;
}

export interface TunnelServices {
  readonly addon: Addon;
  readonly clock: Clock;
  readonly random: Random;
  /** Everything of the tunnel is closed; once, however it went. */
  onClosed(): void;
}

/** Resolves when the connection is there. Rejects with the system's error or the signal's reason, and closes everything. */
export function openTunnel(parts: TunnelParts, services: TunnelServices): Promise<KernelTunnel> {
  return new Promise((resolve, reject) => {
    new AddonTunnel(parts, services, resolve, reject);
  });
}

/**
 * One tunnel. The addon's thread carries the segments; here are the beats beside them, the same as those beside a stream of udx: that the
 * other end is open, lives, has moved or is gone.
 */
class AddonTunnel implements KernelTunnel {
  private readonly id: number;
  private readonly pulse: Pulse;
  private socket: net.Socket | undefined;
  private heard = 0;
  private directed = false;
  private ended = false;
  private readonly onAbort = () => this.end(this.parts.signal.reason as Error);

  constructor(
    private readonly parts: TunnelParts,
    private readonly services: TunnelServices,
    private readonly resolve: (tunnel: KernelTunnel) => void,
    private readonly reject: (error: Error) => void,
  ) {
    const { udp, tun, tcp, listens, ownTag, peerTag, signal } = parts;
    const { addon, clock, random, onClosed } = services;
    const descriptors = { udp: udp.take(), tun: tun.take(), tcp: tcp.take() };
    const given = { ...descriptors, listens, ownTag, peerTag };
    try {
      this.id = addon.openTunnel(given, {
        connected: (connection) => this.connected(connection),
        message: (data, address, port) => this.receive(data, { address, port }),
        failed: (error) => this.end(error),
        closed: () => {
          // What was on its way has had its time.
          this.pulse.stop(true);
          onClosed();
        },
      });
    } catch (error) {
      onClosed();
      throw error;
    }
    this.pulse = new Pulse({
      ...timing,
      clock,
      random,
      key: parts.key,
      remoteId: parts.remoteId,
      remote: parts.remote,
      send: (datagram, remote) => this.send(datagram, remote),
      state: () => ({ limit: 0, received: 0, lane: 0, finished: false }),
      onBeat: (beat) => this.takeBeat(beat),
      onMove: () => this.direct(),
      onSilent: () => this.takeSilence(),
      heardBeside: () => this.heardSegments(),
    });
    signal.addEventListener('abort', this.onAbort, { once: true });
    // Who connects has heard a beat of this end's, and must find it ready.
    if (listens) this.direct();
  }

  get stream(): net.Socket {
    if (!this.socket) throw new Error('the connection is not there yet');
    return this.socket;
  }

  get remote(): Endpoint {
    return this.pulse.remote;
  }

  private send(datagram: Uint8Array, { address, port }: Endpoint): void {
    this.services.addon.sendBeside(this.id, datagram, address, port);
  }

  private receive(data: Buffer, from: Endpoint): void {
    if (this.ended) return;
    const streamId = beatStreamId(data);
    if (streamId === this.parts.localId) this.pulse.receive(data, from);
    else if (streamId === undefined) this.parts.onMessage(data, from, (answer) => this.send(answer, from));
  }

  private takeBeat(beat: Beat): void {
    if (beat.gone) this.end(this.error('ECONNRESET'));
    else if (!this.directed) this.direct();
  }

  private direct(): void {
    this.directed = true;
    const { address, port } = this.pulse.remote;
    this.services.addon.directTunnel(this.id, address, port);
  }

  private heardSegments(): boolean {
    const before = this.heard;
    this.heard = this.services.addon.segmentsHeard(this.id);
    return this.heard !== before;
  }

  private connected(connection: Descriptor): void {
    if (this.ended) {
      connection.close();
      return;
    }
    this.socket = adoptStream(connection.take());
    this.socket.once('close', () => this.end());
    // From here on the stream's owner decides.
    this.parts.signal.removeEventListener('abort', this.onAbort);
    this.resolve(this);
  }

  private takeSilence(): void {
    this.end(this.error('ETIMEDOUT'));
  }

  private end(error?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.parts.signal.removeEventListener('abort', this.onAbort);
    this.services.addon.closeTunnel(this.id);
    if (this.socket) this.socket.destroy(error);
    else this.reject(error ?? this.error('ECONNRESET'));
  }

  private error(code: 'ETIMEDOUT' | 'ECONNRESET'): Error {
    return systemError(code, 'tunnel', `${this.remote.address}:${this.remote.port}`);
  }
}
