import type { ControlServer } from '../control/control-server.js';
import type { AgentCore } from '../core/agent.js';
import type { Clock } from '../core/clock.js';
import { describeError } from '../core/errors.js';
import { type AgentEvent, type EventSource, onEvent } from '../core/events.js';
import type { Net, PeerCredentials } from '../core/net.js';
import type { Settings } from '../core/tokens.js';

/** What answers `ratatoskr status` and its like; an agent that cannot have it goes without. Never rejects. */
export async function startControl(parts: {
  readonly settings: Settings;
  readonly events: EventSource;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly core: AgentCore;
  readonly net: Pick<Net, 'peerCredentials'>;
}): Promise<ControlServer | undefined> {
  const { settings, events, agentVersion: version, clock, core, net } = parts;
  const { control, runtimeDir } = settings.current;
  if (!control.enabled) return undefined;
  const { StatusBook } = await import('../control/status-book.js');
  const { RecentEvents } = await import('../control/recent-events.js');
  const { openControl } = await import('../control/control-server.js');
  const subscribe = (listener: (event: AgentEvent) => void) =>
    onEvent((event) => {
      if (event.agent === events.agent) listener(event);
    });
  const book = new StatusBook({ version, pid: process.pid, startedAt: clock.wallTime() }, (attempt) => core.traffic(attempt));
  const recent = new RecentEvents();
  const unsubscribe = subscribe((event) => {
    book.read(event);
    recent.read(event);
  });
  try {
    const server = await openControl({
      runtimeDir,
      book,
      recent,
      subscribe,
      ping: (peer, signal) => core.ping(peer, signal),
      changes: {
        bridge: (peer) => core.bridge(peer),
        unbridge: (peer) => core.unbridge(peer),
        letGo: (peer) => core.letGo(peer),
        isNamed: (peer) => core.isNamed(peer),
        locate: (peer) => core.locate(peer),
        mayChange: (stream) => ownerOrRoot(net.peerCredentials(stream)),
      },
    });
    return {
      async close() {
        unsubscribe();
        await server.close();
      },
    };
  } catch (error) {
    unsubscribe();
    events.publish('log', { level: 'warn', name: 'control.failed', fields: describeError(error) });
    return undefined;
  }
}

/** Where the system does not say who calls, the mode of the socket has let in nobody else. */
function ownerOrRoot(caller: PeerCredentials | undefined): boolean {
  return caller === undefined || caller.uid === 0 || caller.uid === process.getuid?.();
}
