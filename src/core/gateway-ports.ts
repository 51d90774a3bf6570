import type { Endpoint } from './net.js';

/** A port of this machine that the gateway is to let the internet reach. */
export interface WantedPort {
  readonly transport: 'tcp' | 'udp';
  /** 1 to 65535. */
  readonly internalPort: number;
}

export interface GatewayPort {
  /** Where the internet reaches it at present. */
  readonly external: Endpoint;
  /** Gives it back. Idempotent; never rejects. */
  release(): Promise<void>;
}

/** Rejects with the reason when the gateway maps no port. */
export type MapPort = (wanted: WantedPort, signal: AbortSignal) => Promise<GatewayPort>;

/** Ports at the gateway: who can map them offers it, and other strategies may use it, so that one keeps account of all. */
export class GatewayPorts {
  private mapPort: MapPort | undefined;

  /** The first offer counts. */
  offer(mapPort: MapPort): void {
    this.mapPort ??= mapPort;
  }

  /** Undefined where no strategy that maps ports is enabled. */
  get map(): MapPort | undefined {
    return this.mapPort;
  }
}
