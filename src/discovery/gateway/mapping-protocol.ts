import type { Clock } from '../../core/clock.js';
import type { Files } from '../../core/files.js';
import type { Logger } from '../../core/logger.js';
import type { Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { UpnpControl } from '../../core/upnp-control.js';
import type { Gateway } from './default-gateway.js';

export type Transport = 'tcp' | 'udp';

/** What a mapping protocol may use. */
export interface ProtocolServices {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where the journal's folder is. @default the system's */
  readonly files?: Files;
  /** @default that of the library, on the system's sockets */
  readonly upnp?: UpnpControl;
}

export interface CallOptions {
  readonly services: ProtocolServices;
  /** Milliseconds after which the call rejects with MAPPING_TIMEOUT. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A mapping as it is asked for. */
export interface MappingRequest {
  readonly transport: Transport;
  /** 1 to 65535, at our own address towards the gateway. */
  readonly internalPort: number;
  /** The external port that would suit, 1 to 65535. Gateways may give another, except with UPnP. */
  readonly externalPort: number;
  /** Seconds. */
  readonly lifetimeSeconds: number;
  /** 12 bytes, 24 hex digits: who the mapping belongs to (RFC 6887 §11.1). */
  readonly nonce: string;
}

/** A mapping as the gateway gave it. */
export interface Grant {
  readonly external: Endpoint;
  /** Seconds until it ends unless it is renewed; Infinity where the gateway knows no leases. */
  readonly lifetimeSeconds: number;
  /** Age of the gateway's state in seconds, where the protocol tells. */
  readonly epochSeconds?: number;
}

/** What the gateway still knows of a mapping. */
export interface MappingState {
  /** False when it is certain that the mapping is gone; undefined when the protocol cannot tell. */
  readonly present?: boolean;
  readonly epochSeconds?: number;
  /** The gateway's external address, where the protocol tells. */
  readonly externalAddress?: string;
}

/** A way to ask a gateway for mappings. Stateless but for what makes it faster; every call is bounded and leaves nothing open. */
export interface MappingProtocol {
  /** In logs and in the journal: lower-case words joined by hyphens. */
  readonly name: string;
  readonly families: readonly (4 | 6)[];
  /** Does the gateway speak it? Leaves nothing behind there. @throws StrategyError MAPPING_TIMEOUT, MAPPING_UNSUPPORTED, MAPPING_REFUSED */
  probe(gateway: Gateway, options: CallOptions): Promise<void>;
  /** Makes a mapping, or renews it. @throws StrategyError the same, and MAPPING_CONFLICT when another external port may work */
  map(gateway: Gateway, request: MappingRequest, options: CallOptions): Promise<Grant>;
  /**
   * Removes a mapping; one that is gone already, or that is another's, is left alone.
   * @returns whether the gateway confirmed that it is gone
   */
  unmap(gateway: Gateway, mapping: MappingRequest, options: CallOptions): Promise<boolean>;
  /** Looks after a mapping without changing it. */
  check(gateway: Gateway, mapping: MappingRequest, options: CallOptions): Promise<MappingState>;
}
