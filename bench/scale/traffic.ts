import { isOverlayAddress } from '../../src/core/overlay-address.js';
import type { PacketEvent } from '../../src/testing.js';

const newline = 0x0a;

/** Counts what agents say to each other over the overlay, and notices who is told of one of them. */
export class Traffic {
  messages = 0;
  /** With headers. */
  bytes = 0;
  /** Addresses of those who have been told of the one looked for. */
  readonly told = new Set<string>();
  private wanted: Buffer | undefined;

  /** From now on notices who hears of this key. */
  lookFor(key: string): void {
    this.wanted = Buffer.from(key);
  }

  observe({ event, packet }: PacketEvent): void {
    const { payload, destination, source } = packet;
    if (packet.protocol !== 'tcp' || !isOverlayAddress(source.address)) return;
    if (event === 'sent') {
      this.bytes += payload.length + headerBytes;
      for (let at = payload.indexOf(newline); at >= 0; at = payload.indexOf(newline, at + 1)) this.messages += 1;
    } else if (event === 'arrived' && this.wanted && payload.length > this.wanted.length) {
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      if (text.includes(this.wanted)) this.told.add(destination.address);
    }
  }
}

/** Of IPv6 and TCP. */
const headerBytes = 60;
