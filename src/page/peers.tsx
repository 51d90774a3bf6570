import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { TrafficSample } from '../control/observation-schemas.js';
import type { PeerReport } from '../control/schemas.js';
import { bytes, duration, milliseconds } from '../figures.js';
import { Plot, type Series, Sparkline } from './plot.js';
import { Why } from './why.js';

/** Plots show no less than this, in milliseconds. */
const shortestMs = 60_000;

interface PeersProps {
  readonly peers: readonly PeerReport[];
  readonly traffic: ReadonlyMap<string, readonly TrafficSample[]>;
  readonly intervalMs: number;
  readonly now: number;
}

/** Every peer and its path: those with a bridge first. */
export function Peers({ peers, ...rest }: PeersProps) {
  if (peers.length === 0) {
    return <p class="empty">None yet. Peers come with sessions: send something over the overlay, a ping for instance.</p>;
  }
  const sorted = [...peers].sort((one, other) => rankOf(one) - rankOf(other) || one.address.localeCompare(other.address));
  return (
    <ul class="peers">
      {sorted.map((peer) => (
        <Peer key={peer.key} peer={peer} samples={rest.traffic.get(peer.key) ?? []} {...rest} />
      ))}
    </ul>
  );
}

function rankOf({ bridge, session }: PeerReport): number {
  if (bridge) return bridge.kind === 'direct' ? 0 : 1;
  return session ? 2 : 3;
}

interface PeerProps extends Omit<PeersProps, 'peers'> {
  readonly peer: PeerReport;
  readonly samples: readonly TrafficSample[];
}

function Peer({ peer, samples, intervalMs, now }: PeerProps) {
  const [open, setOpen] = useState(false);
  const { key, address, bridge } = peer;
  const last = samples.at(-1);
  const rtt = last?.rttMs ?? bridge?.rttMs;
  const to = last?.at ?? now;
  const window = { from: to - Math.max(shortestMs, to - (samples[0]?.at ?? to)), to };
  const perSecond = (count: number) => (count * 1000) / intervalMs;
  const received = samples.map(({ at, bytesIn }) => ({ at, value: perSecond(bytesIn) }));
  const sent = samples.map(({ at, bytesOut }) => ({ at, value: perSecond(bytesOut) }));
  const throughput: Series[] = [
    { name: 'received', points: received, look: 'area' },
    { name: 'sent', points: sent, look: 'line' },
  ];
  return (
    <li class={`peer ${bridge?.kind ?? 'none'}`} data-peer={address}>
      <button type="button" class="peer-line" aria-expanded={open} aria-controls={`peer-${key}`} onClick={() => setOpen(!open)}>
        <span class="peer-name">
          <span class="dot" aria-hidden="true" />
          <code>{address}</code>
        </span>
        <span class="peer-path">{pathOf(peer)}</span>
        <span class="peer-rtt">
          {bridge && rtt !== undefined ? (
            <>
              <strong>{milliseconds(rtt)}</strong> <span class="quiet">was {milliseconds(bridge.overlayRttMs)}</span>
            </>
          ) : (
            peer.agent && <span class="quiet">{milliseconds(peer.agent.rttMs)} over the overlay</span>
          )}
        </span>
        <span class="peer-rate">
          {bridge && (
            <>
              <Sparkline series={throughput} {...window} />
              <span>
                <span class="visually-hidden">receiving </span>
                <span aria-hidden="true">↓ </span>
                {bytes(Math.round(received.at(-1)?.value ?? 0))}/s
              </span>
              <span>
                <span class="visually-hidden">sending </span>
                <span aria-hidden="true">↑ </span>
                {bytes(Math.round(sent.at(-1)?.value ?? 0))}/s
              </span>
            </>
          )}
        </span>
      </button>
      {open && (
        <div class="peer-more" id={`peer-${key}`}>
          <Facts peer={peer} now={now} />
          {samples.length > 1 && (
            <div class="plots">
              <RttPlot samples={samples} overlay={bridge?.overlayRttMs ?? null} {...window} />
              <Plot
                title="Throughput"
                summary={`Throughput with ${address}: now ${bytes(Math.round(received.at(-1)?.value ?? 0))} a second received and ${bytes(Math.round(sent.at(-1)?.value ?? 0))} a second sent`}
                series={throughput}
                unit={(value) => `${bytes(value)}/s`}
                {...window}
              />
            </div>
          )}
        </div>
      )}
    </li>
  );
}

function pathOf({ bridge, agent, session }: PeerReport): string {
  if (bridge)
    return `${bridge.kind === 'direct' ? 'direct' : `relayed by ${bridge.relay ?? 'an unnamed relay'}`}, ${bridge.strategy}`;
  if (agent) return 'over the overlay, no bridge';
  return session ? 'over the overlay, no agent met' : 'no session';
}

function RttPlot({
  samples,
  overlay,
  from,
  to,
}: {
  readonly samples: readonly TrafficSample[];
  readonly overlay: number | null;
  readonly from: number;
  readonly to: number;
}) {
  const measured = samples.flatMap(({ rttMs }) => rttMs ?? []);
  const series: Series[] = [
    { name: 'bridge', points: samples.map(({ at, rttMs }) => ({ at, value: rttMs })), look: 'line' },
    ...(overlay === null
      ? []
      : [
          {
            name: 'overlay before',
            points: [
              { at: from, value: overlay },
              { at: to, value: overlay },
            ],
            look: 'dashed' as const,
          },
        ]),
  ];
  const summary =
    measured.length === 0
      ? 'No round trip was measured'
      : `Round trip of the bridge: from ${milliseconds(Math.min(...measured))} to ${milliseconds(Math.max(...measured))}`;
  return <Plot title="Round trip" summary={summary} series={series} unit={milliseconds} from={from} to={to} />;
}

function Facts({ peer, now }: { readonly peer: PeerReport; readonly now: number }) {
  const { key, bridge, agent, foundBy, failure, nextTryAt } = peer;
  const rows: [string, ComponentChildren][] = [['Key', key]];
  if (bridge) {
    rows.push(['Addresses', `${bridge.local} ↔ ${bridge.remote}`], ['Up for', duration(now - Date.parse(bridge.upSince))]);
    if (bridge.congestion) rows.push(['Congestion control', bridge.congestion]);
  }
  if (agent) rows.push(['Agent', `${agent.version}, this end is ${agent.role}`]);
  if (foundBy.length > 0) rows.push(['Found by', foundBy.join(', ')]);
  if (failure && !bridge) {
    rows.push(['Last failure', <Why text={failure.message} code={failure.code} />]);
    if (failure.help) rows.push(['What to do', failure.help]);
  }
  if (nextTryAt && Date.parse(nextTryAt) > now) rows.push(['Next try', `in ${duration(Date.parse(nextTryAt) - now)}`]);
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
