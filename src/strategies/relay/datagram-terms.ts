import { deriveKey } from '../../core/attempt-secret.js';
import type { OpenStreamOptions } from '../../core/reliable-udp.js';

/** How datagrams come to a place: from the peer itself, or from a relay of its own. Each has its own stream. */
export const datagramRoutes = ['plain', 'relayed'] as const;
export type DatagramRoute = (typeof datagramRoutes)[number];

/** What the two ends of one step derive from the attempt's secret and need not tell each other. */
export class DatagramTerms {
  constructor(
    private readonly secret: Uint8Array,
    private readonly step: number,
  ) {}

  /** 32 bytes that nobody else can send: they show the opener which address its peer comes from. */
  greeting(route: DatagramRoute): Buffer {
    return Buffer.from(deriveKey(this.secret, `relay greeting ${this.step} ${route}`));
  }

  /** For a stream at one of its ends. */
  stream(route: DatagramRoute, end: 'opener' | 'connector'): Pick<OpenStreamOptions, 'localId' | 'remoteId' | 'key'> {
    const idOf = (whose: 'opener' | 'connector') =>
      Buffer.from(deriveKey(this.secret, `relay stream ${this.step} ${route} ${whose}`, 4)).readUInt32BE();
    return {
      localId: idOf(end),
      remoteId: idOf(end === 'opener' ? 'connector' : 'opener'),
      key: deriveKey(this.secret, `relay stream ${this.step} ${route}`),
    };
  }
}
