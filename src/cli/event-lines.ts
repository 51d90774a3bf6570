import type { AgentEvent, EventName, Failure, PeerRef } from '../core/events.js';
import { formatEndpoint } from '../core/format-endpoint.js';
import type { LogLevel } from '../core/logger.js';
import type { Endpoint } from '../core/net.js';
import { bytes, count, milliseconds as ms, duration as span } from '../figures.js';

type EventOf<Name extends EventName> = Extract<AgentEvent, { event: Name }>;

/** How loud each event is. Log lines bring their own level. */
export const eventLevels: { readonly [Name in Exclude<EventName, 'log'>]: LogLevel } = {
  'agent.started': 'info',
  'agent.stopped': 'info',
  'agent.reconfigured': 'info',
  'platform.limited': 'warn',
  'plugin.loaded': 'info',
  'plugin.failed': 'warn',
  'leftovers.removed': 'info',
  'router.waiting': 'warn',
  'router.connected': 'info',
  'router.lost': 'warn',
  'network.changed': 'info',
  'discovery.failed': 'warn',
  'peer.found': 'info',
  'peer.forgotten': 'debug',
  'session.seen': 'debug',
  'session.ended': 'debug',
  'signalling.listening': 'info',
  'signalling.connected': 'info',
  'services.heard': 'debug',
  'signalling.closed': 'debug',
  'signalling.failed': 'debug',
  'attempt.started': 'debug',
  'attempt.refused': 'debug',
  'attempt.failed': 'debug',
  'path.proven': 'debug',
  'ladder.exhausted': 'warn',
  'peer.resting': 'debug',
  'bridge.failed': 'warn',
  'bridge.up': 'info',
  'bridge.down': 'info',
  'routes.mode': 'debug',
  'routes.coordinated': 'info',
  'routes.frozen': 'warn',
};

/** An event as one line for an operator. */
export function eventLine(event: AgentEvent): string {
  return (eventLines[event.event] as (event: AgentEvent) => string)(event);
}

const eventLines: { readonly [Name in EventName]: (event: EventOf<Name>) => string } = {
  'agent.started': ({ version }) => `ratatoskr ${version} started`,
  'agent.stopped': () => 'stopped',
  'agent.reconfigured': ({ changed }) =>
    changed.length === 0
      ? 'configuration read again, nothing changed'
      : `configuration read again, changed: ${changed.join(', ')}`,
  'platform.limited': ({ missing }) => `this platform is limited: ${missing}`,
  'plugin.loaded': ({ plugin, strategy, source, version, file }) =>
    `${strategy === undefined ? `discovery source ${source}` : `strategy ${strategy}`} from ${plugin}${version === undefined ? '' : ` ${version}`}, ${file}`,
  'plugin.failed': ({ plugin, ...failure }) => `going on without ${plugin}: ${reason(failure)}`,
  'leftovers.removed': ({ peers, files }) =>
    `removed what an earlier run left behind: ${count(peers.length, 'peering')}, ${count(files.length, 'file')}`,
  'router.waiting': ({ admin, ...failure }) => `waiting for the router at ${admin}: ${reason(failure)}`,
  'router.connected': ({ admin, version, address }) => `connected to yggdrasil ${version} at ${admin}, ${address}`,
  'router.lost': ({ admin, ...failure }) => `lost the router at ${admin}: ${reason(failure)}`,
  'network.changed': ({ addresses }) =>
    `the network has changed: ${addresses.join(', ') || 'no address'}; trying everything afresh`,
  'discovery.failed': ({ source, retryInMs, ...failure }) =>
    `the discovery source ${source} cannot look for peers: ${reason(failure)}${retry(retryInMs)}`,
  'peer.found': ({ peer, source, toldBy }) =>
    `${source} tells of ${name(peer)}${toldBy === undefined ? '' : `, who was told of by ${name(toldBy)}`}`,
  'peer.forgotten': ({ peer, source }) => `${source} no longer tells of ${name(peer)}`,
  'session.seen': ({ peer }) => `session with ${name(peer)} seen`,
  'session.ended': ({ peer }) => `session with ${name(peer)} ended`,
  'signalling.listening': ({ address, port }) => `meeting other agents at [${address}]:${port}`,
  'signalling.connected': ({ peer, agentVersion, role, rttMs, strategies }) =>
    `met ${name(peer)}, agent ${agentVersion}, ${ms(rttMs)} away over the overlay; this end is ${role}; common: ${strategies.join(', ') || 'none'}`,
  'services.heard': ({ peer, stun, relay }) => `${name(peer)} answers STUN at ${places(stun)} and relays at ${places(relay)}`,
  'signalling.closed': ({ peer, ...failure }) => `parted from ${name(peer)}: ${reason(failure)}`,
  'signalling.failed': ({ remote, retryInMs, ...failure }) => `could not meet ${remote}: ${reason(failure)}${retry(retryInMs)}`,
  'attempt.started': ({ peer, strategy, role }) => `trying ${strategy} with ${name(peer)} as the ${role} end`,
  'attempt.refused': ({ peer, strategy, ...failure }) => `refused to try ${strategy} with ${name(peer)}: ${reason(failure)}`,
  'attempt.failed': ({ peer, strategy, durationMs, ...failure }) =>
    `${strategy} with ${name(peer)} failed after ${span(durationMs)}: ${reason(failure)}`,
  'path.proven': ({ peer, strategy, kind, local, remote, rttMs, overlayRttMs }) =>
    `${kind} path to ${name(peer)} by ${strategy}: ${local} <-> ${remote}, ${ms(rttMs)} against ${ms(overlayRttMs)} over the overlay`,
  'ladder.exhausted': ({ peer, failures, retryInMs }) =>
    [
      `no direct path to ${name(peer)}${retry(retryInMs)}`,
      ...failures.map(({ strategy, ...failure }) => `  ${strategy}: ${reason(failure)}`),
    ].join('\n'),
  'peer.resting': ({ peer, retryInMs, ...failure }) => `leaving ${name(peer)} alone for ${span(retryInMs)}: ${reason(failure)}`,
  'bridge.failed': ({ peer, strategy, ...failure }) =>
    `the path to ${name(peer)} by ${strategy} could not become a bridge: ${reason(failure)}`,
  'bridge.up': ({ peer, strategy, kind, local, remote, rttMs, overlayRttMs, sinceSessionMs, congestion, carrier }) =>
    `${kind === 'relayed' ? 'relayed ' : ''}bridge up with ${name(peer)} by ${strategy}: ${local} <-> ${remote}, ${ms(rttMs)} instead of ${ms(
      overlayRttMs,
    )}, ${span(sinceSessionMs)} after the session${carrier === undefined ? '' : `, ${carrier}`}${congestion === undefined ? '' : `, ${congestion}`}`,
  'bridge.down': ({ peer, ageMs, bytesIn, bytesOut, ...failure }) =>
    `bridge down with ${name(peer)} after ${span(ageMs)}, ${bytes(bytesIn)} in, ${bytes(bytesOut)} out: ${reason(failure)}`,
  'routes.mode': ({ mode, coordinator }) =>
    `routes are chosen in mode ${mode}${coordinator === undefined ? '' : `, by ${coordinator}`}`,
  'routes.coordinated': ({ coordinator }) => `the coordinator ${coordinator} chooses routes`,
  'routes.frozen': (failure) => `routes stay as they are: ${reason(failure)}`,
  log: ({ name: what, fields }) => {
    const details = Object.entries(fields).map(
      ([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    return [what, ...details].join(' ');
  },
};

/** The operator's next step, for events that have one: a line of its own. */
export function nextStep(event: AgentEvent): string | undefined {
  if (event.event === 'ladder.exhausted')
    return [...new Set(event.failures.flatMap(({ help }) => help ?? []))].join('\n') || undefined;
  if (event.event === 'log') return typeof event.fields.help === 'string' ? event.fields.help : undefined;
  return 'help' in event ? event.help : undefined;
}

function name(peer: PeerRef): string {
  return peer.address;
}

function places(endpoints: readonly Endpoint[]): string {
  return endpoints.map(formatEndpoint).join(', ') || 'no address';
}

function reason({ code, message }: Failure): string {
  return `${message.replace(/\.$/, '')} (${code})`;
}

function retry(delayMs: number | undefined): string {
  return delayMs === undefined ? '' : `, next try in ${span(delayMs)}`;
}
