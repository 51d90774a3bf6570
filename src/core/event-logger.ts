import type { EventSource } from './events.js';
import type { Logger, LogLevel } from './logger.js';

/** A logger whose lines are `log` events. */
export class EventLogger implements Logger {
  constructor(private readonly events: EventSource) {}

  debug(event: string, fields: Record<string, unknown> = {}): void {
    this.write('debug', event, fields);
  }

  info(event: string, fields: Record<string, unknown> = {}): void {
    this.write('info', event, fields);
  }

  warn(event: string, fields: Record<string, unknown> = {}): void {
    this.write('warn', event, fields);
  }

  error(event: string, fields: Record<string, unknown> = {}): void {
    this.write('error', event, fields);
  }

  private write(level: LogLevel, name: string, fields: Record<string, unknown>): void {
    this.events.publish('log', { level, name, fields });
  }
}
