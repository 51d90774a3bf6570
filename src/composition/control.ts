import type { ControlServer } from '../control/control-server.js';
import type { AgentCore } from '../core/agent.js';
import type { Clock } from '../core/clock.js';
import { describeError } from '../core/errors.js';
import { type AgentEvent, type EventSource, onEvent } from '../core/events.js';
import type { Settings } from '../core/tokens.js';

/** What answers `ratatoskr status` and its like; an agent that cannot have it goes without. Never rejects. */
export async function startControl(parts: {
  readonly settings: Settings;
  readonly events: EventSource;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly core: AgentCore;
}): Promise<ControlServer | undefined> {
  const { settings, events, agentVersion: version, clock, core } = parts;
  const { control, runtimeDir } = settings.current;
  if (!control.enabled) return undefined;
  const { StatusBook } = await import('../control/status-book.js');
  const { openControl } = await import('../control/control-server.js');
  const subscribe = (listener: (event: AgentEvent) => void) =>
    onEvent((event) => {
      if (event.agent === events.agent) listener(event);
    });
  const book = new StatusBook({ version, pid: process.pid, startedAt: clock.wallTime() });
  const unsubscribe = subscribe((event) => book.read(event));
  try {
    const server = await openControl({ runtimeDir, book, subscribe, ping: (peer, signal) => core.ping(peer, signal) });
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
