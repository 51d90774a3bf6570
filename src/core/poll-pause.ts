/** For each session that the last poll had, and the longest pause that comes of this, in milliseconds. */
const perSessionMs = 2;
const longestMs = 1500;

/**
 * How long to wait before the router is asked for its sessions again. To look at a session takes 2 to 4 µs of processor: an agent whose router has
 * thousands is not to work all the time so that one more gets its bridge a second sooner.
 * @param intervalMs what the configuration says
 * @returns milliseconds
 */
export function pollPause(sessions: number, intervalMs: number): number {
  return Math.max(intervalMs, Math.min(sessions * perSessionMs, longestMs));
}
