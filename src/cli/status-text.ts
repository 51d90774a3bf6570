import type { PeerReport, RoutesReport, Status } from '../control/schemas.js';
import { bytes, duration, milliseconds } from '../figures.js';

/** `ratatoskr status` for people. @param now wall clock, milliseconds */
export function statusText({ agent, router, signalling, routes, peers }: Status, now: number): string {
  const lines = [
    `ratatoskr ${agent.version}, process ${agent.pid}, up ${since(agent.startedAt, now)}`,
    router.state === 'connected'
      ? `router   yggdrasil ${router.version} at ${router.admin}, ${router.address}`
      : `router   waiting: ${router.failure ? `${router.failure.message} (${router.failure.code})` : 'none found yet'}`,
    ...hint(router.failure),
    ...(router.state === 'connected' && !signalling.listening
      ? [`agents   cannot be met: ${signalling.failure?.message ?? 'not listening yet'}`, ...hint(signalling.failure)]
      : []),
    ...(agent.limited === null ? [] : [`limited  ${agent.limited}`]),
  ];
  lines.push(...routesLines(routes, now));
  if (peers.length === 0) lines.push('peers    none yet: they come with sessions, so send something over the overlay');
  for (const peer of peers) lines.push('', ...peerLines(peer, now));
  return `${lines.join('\n')}\n`;
}

/** Who chooses the relays of paths. */
export function routesLines(routes: RoutesReport, now: number): string[] {
  if (!routes) return [];
  const { mode, coordinator, frozenSince, failure } = routes;
  const by = {
    p2p: 'as both ends measure',
    static: 'as the configuration says',
    super: `as ${coordinator ?? 'a coordinator'} says`,
  };
  const line = `routes   ${mode}: ${by[mode]}`;
  if (frozenSince === null) return [line];
  return [`${line}; frozen for ${since(frozenSince, now)}: ${failure?.message} (${failure?.code})`, ...hint(failure)];
}

/** One peer: how it is reached, or why it is not. */
export function peerLines(peer: PeerReport, now: number): string[] {
  const { address, bridge, agent, session, foundBy, toldBy, services, failure, nextTryAt } = peer;
  const teller = toldBy === null ? '' : `, told by ${toldBy}`;
  const found = foundBy.length === 0 ? '' : `, found by ${foundBy.join(', ')}${teller}`;
  const offers = [
    ...(services.stun.length === 0 ? [] : [`answers STUN at ${services.stun.join(', ')}`]),
    ...(services.relay.length === 0 ? [] : [`relays at ${services.relay.join(', ')}`]),
  ];
  const offered = offers.length === 0 ? [] : [`  ${offers.join('; ')}`];
  if (bridge) {
    const { kind, relay, strategy, rttMs, rttNowMs, overlayRttMs, local, remote, upSince, bytesIn, bytesOut } = bridge;
    const loaded = rttNowMs === null ? '' : `, at present ${milliseconds(rttNowMs)}`;
    return [
      `${address}  ${kind === 'direct' ? 'direct' : `relayed by ${relay ?? 'an unnamed relay'}`}, by ${strategy}${found}`,
      `  ${milliseconds(rttMs)}${loaded}, over the overlay ${milliseconds(overlayRttMs)}`,
      `  up ${since(upSince, now)}, ${bytes(bytesIn)} in, ${bytes(bytesOut)} out`,
      `  ${local} <-> ${remote}`,
      ...offered,
    ];
  }
  const next = nextTryAt === null ? '' : `; next try ${until(nextTryAt, now)}`;
  return [
    `${address}  not bridged${session ? '' : ', no session'}${found}`,
    agent ? `  its agent ${agent.version} is ${milliseconds(agent.rttMs)} away over the overlay` : '  no agent met there',
    ...offered,
    ...(failure ? [`  ${failure.message} (${failure.code})${next}`, ...hint(failure)] : []),
  ];
}

function hint(failure: { readonly help?: string | undefined } | null): string[] {
  return failure?.help === undefined ? [] : [`  → ${failure.help}`];
}

function since(time: string, now: number): string {
  return duration(Math.max(0, now - Date.parse(time)));
}

function until(time: string, now: number): string {
  const left = Date.parse(time) - now;
  return left > 0 ? `in ${duration(left)}` : 'now';
}
