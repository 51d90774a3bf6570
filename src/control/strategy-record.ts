import type { AgentEvent } from '../core/events.js';
import type { Strategies } from './observation-schemas.js';
import { wasOvertaken } from './overtaken.js';
import { schemaVersion } from './schemas.js';

type Row = Strategies['strategies'][number];
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** How often each strategy was tried since the agent started, and what came of it: a reader of the agent's events. */
export class StrategyRecord {
  private readonly rows: ReadonlyMap<string, Mutable<Row>>;

  /** @param names the strategies of the agent, best first; others are not counted */
  constructor(names: readonly string[]) {
    this.rows = new Map(
      names.map((name) => [name, { name, attempts: 0, bridges: 0, overtaken: 0, failed: 0, lastFailure: null }]),
    );
  }

  report(): Strategies {
    return { schemaVersion, strategies: [...this.rows.values()].map((row) => ({ ...row })) };
  }

  read(event: AgentEvent): void {
    const row = 'strategy' in event && event.strategy !== undefined ? this.rows.get(event.strategy) : undefined;
    if (!row) return;
    if (event.event === 'attempt.started') row.attempts += 1;
    else if (event.event === 'bridge.up') row.bridges += 1;
    else if (event.event === 'attempt.failed' && wasOvertaken(event)) row.overtaken += 1;
    else if (event.event === 'attempt.failed' || event.event === 'bridge.failed') {
      const { code, message, help, time } = event;
      row.failed += 1;
      row.lastFailure = { code, message, ...(help === undefined ? {} : { help }), at: new Date(time).toISOString() };
    }
  }
}
