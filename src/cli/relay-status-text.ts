import type { RelayStatusReport } from '../control/relay-schemas.js';
import { bytes, count, duration } from '../figures.js';

/** `ratatoskr status` for people, where a relay runs. @param now wall clock, milliseconds */
export function relayStatusText({ relay }: RelayStatusReport, now: number): string {
  const { limits, users, revoked, reached } = relay;
  const refusals = Object.entries(relay.refusals).map(([code, times]) => `${times} × ${code}`);
  const lines = [
    `ratatoskr relay ${relay.version}, process ${relay.pid}, up ${duration(Math.max(0, now - Date.parse(relay.startedAt)))}`,
    `listening ${relay.listening.join(', ')}`,
    `reached   ${reached.length === 0 ? 'nowhere that it knows of: set relay.volunteer.advertise' : reached.join(', ')}`,
    `invites   of the secret ${relay.identity.slice(0, 8)}; ratatoskr relay invite NAME prints one`,
    ...(revoked.length === 0 ? [] : [`revoked   ${revoked.join(', ')}`]),
    `circuits  ${relay.circuits} of ${limits.maxCircuits}, ${limits.maxCircuitsPerPeer} for one; ${count(relay.sessions, 'connection')}`,
    `carried   ${bytes(relay.bytes)}; a day ${bytes(limits.bytesPerDay)}, ${bytes(limits.bytesPerDayPerPeer)} for one`,
    `rate      ${bytes(limits.rate)} a second, ${bytes(limits.ratePerPeer)} for one`,
    `time      ${duration(limits.maxDurationMs)} for a circuit; a day ${duration(limits.timePerDay)}, ${duration(limits.timePerDayPerPeer)} for one`,
    `STUN      ${count(relay.answered, 'answer')}`,
    `refused   ${refusals.length === 0 ? 'nothing' : refusals.join(', ')}; ${count(relay.turnedAway, 'connection')} turned away`,
    ...users.map(
      (user) => `${user.name}  ${count(user.circuits, 'circuit')}, ${count(user.sessions, 'connection')}, ${bytes(user.bytes)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
