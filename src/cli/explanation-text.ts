import type { AttemptReport, Explanation } from '../control/schemas.js';
import { duration, milliseconds } from '../figures.js';
import { peerLines, routesLines } from './status-text.js';

/** `ratatoskr explain` for people: the peer, then its attempts in the order in which they began. @param now wall clock, milliseconds */
export function explanationText({ peer, routes, attempts }: Explanation, now: number): string {
  const lines = [...peerLines(peer, now), ...routesLines(routes, now)];
  const [first] = attempts;
  if (!first) return `${[...lines, '', 'Nothing has been tried yet.'].join('\n')}\n`;
  const began = Date.parse(first.startedAt);
  lines.push('', `attempts, from ${first.startedAt} on; this end ${first.role === 'controlling' ? 'controls' : 'follows'}`);
  for (const attempt of attempts) lines.push(...attemptLines(attempt, began));
  const next = [...new Set(attempts.flatMap(({ failure }) => failure?.help ?? []))];
  if (!peer.bridge && next.length > 0) lines.push('', 'what to do', ...next.map((help) => `  → ${help}`));
  return `${lines.join('\n')}\n`;
}

function attemptLines({ strategy, startedAt, endedAt, outcome, failure, path }: AttemptReport, began: number): string[] {
  const at = `+${duration(Date.parse(startedAt) - began)}`.padStart(9);
  const took = endedAt === null ? '' : ` after ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`;
  const found = path ? [`            ${path.kind}, ${path.local} <-> ${path.remote}, ${milliseconds(path.rttMs)}`] : [];
  const why = failure ? [`            ${failure.message} (${failure.code})`] : [];
  return [`${at}   ${strategy}: ${outcome}${took}`, ...found, ...why];
}
