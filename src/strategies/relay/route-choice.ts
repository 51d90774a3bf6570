import type { Role } from '../../core/strategy.js';
import { maxSteps } from './messages.js';

/** Round trips from one end to the relays of one list, by the relay's place in it; undefined where it does not reach one. */
export type RoundTrips = readonly (number | undefined)[];

/** One relay to try, and the end that asks it. */
export interface Step {
  readonly opener: Role;
  readonly index: number;
}

/**
 * The relays that both ends reach, the shortest whole path first. Of equals the controlling end's come first, then those that
 * its operator prefers.
 * @param relays for each end's list of relays, how far they are from their owner and from the other end
 */
export function chooseSteps(relays: Readonly<Record<Role, { readonly own: RoundTrips; readonly other: RoundTrips }>>): Step[] {
  const openers: readonly Role[] = ['controlling', 'controlled'];
  const routes = openers.flatMap((opener) =>
    relays[opener].own.flatMap((own, index) => {
      const other = relays[opener].other[index];
      return own === undefined || other === undefined ? [] : [{ opener, index, rttMs: own + other }];
    }),
  );
  return routes
    .sort((a, b) => a.rttMs - b.rttMs)
    .slice(0, maxSteps)
    .map(({ opener, index }) => ({ opener, index }));
}
