import type { Role } from '../../core/strategy.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { maxOthers } from '../../relay/messages.js';
import type { RelayMessageOf } from './messages.js';
import type { Relay, RelayAddress, RelayFailure } from './relay-source.js';
import type { RelayLists, RelayUse } from './route-choice.js';

type Link = NonNullable<RelayMessageOf<'reach'>['links']>[number];

/** Our relays with what we found out about them, and what the peer says about them and its own. */
export interface Findings {
  readonly relays: readonly Relay[];
  readonly failures: readonly RelayFailure[];
  readonly offer: RelayMessageOf<'offer'>;
  readonly peerOffer: RelayMessageOf<'offer'>;
  readonly reach: RelayMessageOf<'reach'>;
  readonly peerReach: RelayMessageOf<'reach'>;
}

type Offers = Pick<Findings, 'relays' | 'offer' | 'peerOffer'> & { readonly role: Role };

/** Asks the relays that this end may ask how far the others are from them that either end offers. Rejects with the signal's reason alone. */
export async function linksOf({ relays, offer, peerOffer, role }: Offers, signal: AbortSignal): Promise<Link[]> {
  const offered = (['controlling', 'controlled'] as const).flatMap((opener) =>
    (opener === role ? offer : peerOffer).relays.map((relay, index) => ({ ...relay, to: { opener, index } })),
  );
  const timed = offered.filter(({ oneWay }) => oneWay);
  const links = await Promise.all(
    relays.map(async (relay, from) => {
      const others = timed.filter((other) => !sameAddress(other, relay.address)).slice(0, maxOthers);
      if (!relay.delaysTo || others.length === 0) return [];
      const delays = await relay.delaysTo(others, signal).catch(() => []);
      return others.flatMap(({ to }, index) => {
        const delay = delays[index];
        return delay ? [{ from, to, outMs: delay.outMs, inMs: delay.inMs }] : [];
      });
    }),
  );
  signal.throwIfAborted();
  return links.flat();
}

/** At the controlling end: what both ends measured, and were told by relays. */
export function listsOf({ offer, peerOffer, reach, peerReach }: Findings): RelayLists {
  const offers = { controlling: offer.relays, controlled: peerOffer.relays };
  const nameOf = ({ opener, index }: RelayUse) => listedName(offers[opener][index]);
  const list = (opener: Role, reached: Findings['reach'], asked: Findings['reach']) =>
    offers[opener].map((own, index) => ({
      name: listedName(own),
      own,
      other: reached.relays.find((one) => one.index === index),
      // A peer that says nothing of links does not know of ways over two relays in a row.
      links: new Map(
        (peerReach.links ? (asked.links ?? []) : []).flatMap(({ from, to, outMs, inMs }) =>
          from === index ? [[nameOf(to), { outMs, inMs }] as const] : [],
        ),
      ),
    }));
  return { controlling: list('controlling', peerReach, reach), controlled: list('controlled', reach, peerReach) };
}

/** The same for one relay in both lists. */
export function listedName(relay: RelayAddress | undefined): string {
  if (!relay) return '';
  return relay.transport === 'tcp' ? formatEndpoint(relay) : `${formatEndpoint(relay)}/${relay.transport}`;
}

/** Is it the same relay, met the same way? */
export function sameAddress(a: RelayAddress, b: RelayAddress): boolean {
  return a.address === b.address && a.port === b.port && a.transport === b.transport;
}
