import ipaddr from 'ipaddr.js';
import type { Clock } from './clock.js';
import { TokenBucket, type TokenBucketOptions } from './token-bucket.js';

export interface RateLimitOptions extends TokenBucketOptions {
  readonly clock: Clock;
  /** Sources that are remembered; of more, the one that was quiet the longest is forgotten. */
  readonly sources: number;
}

/** A token bucket for each source: an IPv4 address or an IPv6 /64, for who has one address of it has them all. */
export class RateLimit {
  /** The one that was quiet the longest comes first. */
  private readonly buckets = new Map<string, TokenBucket>();

  constructor(private readonly options: RateLimitOptions) {}

  /** @param from an IP address, or another name of a source @returns whether it may, as often as it says; then that is counted */
  take(from: string, times = 1): boolean {
    const { clock, sources } = this.options;
    const key = sourceOf(from);
    const bucket = this.buckets.get(key) ?? new TokenBucket(clock, this.options);
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > sources && oldest !== undefined) this.buckets.delete(oldest);
    return bucket.take(times);
  }
}

/** What counts as one source. */
export function sourceOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}
