import type { Clock } from '../../../core/clock.js';
import type { Endpoint, Net } from '../../../core/net.js';
import type { Random } from '../../../core/random.js';
import type { ReliableUdp } from '../../../core/reliable-udp.js';
import type { Credentials } from './credentials.js';

/** One TURN server and how to speak with it. */
export interface TurnServer {
  /** `host:port`, for people; also the name that a certificate must have. */
  readonly name: string;
  readonly host: string;
  readonly endpoint: Endpoint;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly credentials: Credentials;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
}

/** What a client runs on. */
export interface TurnPlatform {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** For streams over relayed datagrams; absent where nothing makes them. */
  readonly reliableUdp?: ReliableUdp;
}
