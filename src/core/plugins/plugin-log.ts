import type { Clock, Timer } from '../clock.js';
import { describeError } from '../errors.js';
import type { Logger, LogLevel } from '../logger.js';

/** Lines that a plugin may log in a second; more are counted and dropped. */
const linesPerSecond = 20;
/** The longest fields of a line, as JSON text. */
const maxFieldsLength = 8192;

/** The logger of one plugin: its lines say whose they are, are few enough to read and can be written for certain. */
export class PluginLog implements Logger {
  private windowEnd = Number.NEGATIVE_INFINITY;
  private written = 0;
  private dropped = 0;
  private timer: Timer | undefined;

  constructor(
    /** What each line carries, such as `{ strategy: "mine" }`. */
    private readonly owner: Readonly<Record<string, string>>,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  debug(event: string, fields?: Record<string, unknown>): void {
    this.write('debug', event, fields);
  }

  info(event: string, fields?: Record<string, unknown>): void {
    this.write('info', event, fields);
  }

  warn(event: string, fields?: Record<string, unknown>): void {
    this.write('warn', event, fields);
  }

  error(event: string, fields?: Record<string, unknown>): void {
    this.write('error', event, fields);
  }

  /** Tells of what was dropped since. Idempotent. */
  close(): void {
    this.timer?.cancel();
    this.tellDropped();
  }

  private write(level: LogLevel, event: string, fields: Record<string, unknown> = {}): void {
    const now = this.clock.now();
    if (now >= this.windowEnd) {
      this.windowEnd = now + 1000;
      this.written = 0;
    }
    if (this.written >= linesPerSecond) {
      this.dropped += 1;
      this.timer ??= this.clock.setTimer(this.windowEnd - now, () => this.tellDropped());
      return;
    }
    this.written += 1;
    this.log[level](String(event).slice(0, 100), { ...writable(fields), ...this.owner });
  }

  private tellDropped(): void {
    const { dropped, owner } = this;
    this.timer = undefined;
    this.dropped = 0;
    if (dropped > 0) this.log.warn('plugin.log-flooded', { ...owner, dropped });
  }
}

/** Fields that can be written: whoever reads the line would fail otherwise, and the agent with it. */
function writable(fields: Record<string, unknown>): Record<string, unknown> {
  try {
    const { length } = JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return length > maxFieldsLength ? { unwritable: `${length} characters` } : fields;
  } catch (error) {
    return { unwritable: describeError(error).message };
  }
}
