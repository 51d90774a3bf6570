import ipaddr from 'ipaddr.js';
import type { Clock } from './clock.js';

export interface RateLimitOptions {
  readonly clock: Clock;
  /** What a source may do a second, in the long run. */
  readonly perSecond: number;
  /** What it may do at once. */
  readonly burst: number;
  /** Sources that are remembered; of more, the one that was quiet the longest is forgotten. */
  readonly sources: number;
}

/** Token buckets, one for each source: an IPv4 address or an IPv6 /64, for who has one address of it has them all. */
export class RateLimit {
  /** The one that was quiet the longest comes first. */
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(private readonly options: RateLimitOptions) {}

  /** @param from an IP address, or another name of a source @returns whether it may; then it is counted */
  take(from: string): boolean {
    const { clock, perSecond, burst, sources } = this.options;
    const key = sourceOf(from);
    const now = clock.now();
    const bucket = this.buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > sources && oldest !== undefined) this.buckets.delete(oldest);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** What counts as one source. */
export function sourceOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}
