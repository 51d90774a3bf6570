import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { formatEndpoint } from '../../core/format-endpoint.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { cookieLength } from './messages.js';

/** How long a cookie counts at least, and half of how long at most, in milliseconds. */
const epochMs = 30_000;

/** Cookies that show that somebody receives what is sent to an address. They are derived anew when they come back, so none is kept. */
export class Cookies {
  private readonly secret: Uint8Array;

  constructor(
    private readonly clock: Clock,
    random: Random,
  ) {
    this.secret = random.bytes(32);
  }

  /** For whoever gets what is sent to that address. */
  make(remote: Endpoint, nonce: Uint8Array): Buffer {
    return this.of(remote, nonce, this.epoch);
  }

  /** Was it made for that address, and lately? */
  check(cookie: Uint8Array, remote: Endpoint, nonce: Uint8Array): boolean {
    return [this.epoch, this.epoch - 1].some((epoch) => timingSafeEqual(this.of(remote, nonce, epoch), cookie));
  }

  private get epoch(): number {
    return Math.floor(this.clock.now() / epochMs);
  }

  private of(remote: Endpoint, nonce: Uint8Array, epoch: number): Buffer {
    const text = `${epoch} ${formatEndpoint(remote)} ${Buffer.from(nonce).toString('hex')}`;
    return createHmac('sha256', this.secret).update(text).digest().subarray(0, cookieLength);
  }
}
