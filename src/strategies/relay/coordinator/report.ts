import type { Role } from '../../../core/strategy.js';
import { formatEndpoint } from '../../../discovery/candidates.js';
import { type DelayReport, isReportable, maxReported } from '../../../relay/coordinator/messages.js';
import type { Findings } from '../findings.js';

/** What an end has found out for an attempt: how far it is from the relays of both that tell their time, and what its own say of others. */
export function reportOf({ offer, peerOffer, reach }: Pick<Findings, 'offer' | 'peerOffer' | 'reach'>, role: Role): DelayReport {
  const reached = reach.relays.flatMap(({ index, oneWay }) => {
    const address = peerOffer.relays[index];
    return address ? [{ ...address, oneWay }] : [];
  });
  const known = [...offer.relays, ...reached].flatMap(({ oneWay, ...address }) =>
    oneWay && isReportable(oneWay) ? [[formatEndpoint(address), oneWay] as const] : [],
  );
  const delays = [...new Map(known)].map(([relay, oneWay]) => ({ relay, ...oneWay })).slice(0, maxReported);
  const positionOf = (address: Parameters<typeof formatEndpoint>[0] | undefined) =>
    address ? delays.findIndex(({ relay }) => relay === formatEndpoint(address)) : -1;
  const links = (reach.links ?? []).flatMap(({ to, outMs, inMs, ...link }) => {
    const other = (to.opener === role ? offer : peerOffer).relays[to.index];
    const [from, toward] = [positionOf(offer.relays[link.from]), positionOf(other)];
    return from >= 0 && toward >= 0 && isReportable({ outMs, inMs }) ? [{ from, to: toward, outMs, inMs }] : [];
  });
  return { delays, links };
}
