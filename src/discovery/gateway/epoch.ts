/** A server's clock beside ours, as one reply showed them; seconds. */
export interface EpochSample {
  /** The reply's epoch. */
  readonly server: number;
  /** Our monotonic time when it came. */
  readonly client: number;
}

/**
 * Has the gateway lost its mappings between two replies? Its epoch counts the seconds since they were made, so it went back or
 * does not keep pace with our clock then (RFC 6887 §8.5; RFC 6886 §3.6 says the same with less detail).
 */
export function hasForgotten(previous: EpochSample, current: EpochSample): boolean {
  if (current.server < previous.server - 1) return true;
  const client = current.client - previous.client;
  const server = current.server - previous.server;
  return client + 2 < server - server / 16 || server + 2 < client - client / 16;
}
