export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * What strategies and plugins report through. Lines become `log` events like everything else that happens,
 * so whoever reads the events decides what is shown.
 */
export interface Logger {
  /** `event` is a fixed name such as `stun.reply`; what varies goes into `fields`. */
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}
