import type { PeerReport } from '../control/schemas.js';
import { bytes, duration, milliseconds } from '../figures.js';

/** `ratatoskr peers` for people: a line a peer. @param now wall clock, milliseconds */
export function peersText(peers: readonly PeerReport[], now: number): string {
  if (peers.length === 0) return 'No peers yet: they come with sessions, so send something over the overlay.\n';
  const head = ['PEER', 'WAY', 'BY', 'RTT', 'OVERLAY', 'IN', 'OUT', 'AGE'];
  const rows = peers.map(({ address, bridge, agent, failure }) => {
    const overlay = agent ? milliseconds(agent.rttMs) : '-';
    if (!bridge) return [address, 'overlay', failure?.code ?? '-', '-', overlay, '-', '-', '-'];
    const { kind, relay, strategy, rttMs, rttNowMs, overlayRttMs, bytesIn, bytesOut, upSince } = bridge;
    const by = relay === null ? strategy : `${strategy}, ${relay}`;
    const age = duration(Math.max(0, now - Date.parse(upSince)));
    return [address, kind, by, milliseconds(rttNowMs ?? rttMs), milliseconds(overlayRttMs), bytes(bytesIn), bytes(bytesOut), age];
  });
  const table = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return `${table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
