import { pino } from 'pino';
import { type AgentEvent, onEvent } from '../core/events.js';
import { type LogLevel, logLevels } from '../core/logger.js';
import { count } from '../figures.js';
import { eventLevels, eventLine, nextStep } from './event-lines.js';
import { LineLimit } from './line-limit.js';
import { redact } from './redaction.js';

/** Where lines go. A terminal has `isTTY`. */
export interface LogOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface EventLogOptions {
  /** The least that is shown; at "debug" nothing is left out. */
  readonly level: LogLevel;
  /** Public addresses and keys; "auto" is full at "debug" and short otherwise. */
  readonly addresses: 'auto' | 'short' | 'full';
  readonly format: 'auto' | 'pretty' | 'json';
}

/** Writes the events of all agents in this process, one line each. Reading stops with {@link close}. */
export class EventLog {
  private options: EventLogOptions;
  private readonly limit = new LineLimit();
  private readonly unsubscribe: () => void;
  private readonly json: pino.Logger;

  constructor(
    options: EventLogOptions,
    private readonly output: LogOutput,
    private readonly env: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.options = options;
    this.json = pino(
      { level: 'debug', base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
      { write: (line: string) => void output.write(line) },
    );
    this.unsubscribe = onEvent((event) => this.write(event));
  }

  /** Takes effect with the next event. */
  reconfigure(options: EventLogOptions): void {
    this.options = options;
  }

  /** Idempotent. */
  close(): void {
    this.unsubscribe();
  }

  private write(event: AgentEvent): void {
    const level = levelOf(event);
    if (logLevels.indexOf(level) < logLevels.indexOf(this.options.level)) return;
    const leftOut = this.options.level === 'debug' ? 0 : this.limit.take(event);
    if (leftOut === undefined) return;
    const shown = redact(event, this.full) as AgentEvent;
    if (this.pretty) this.output.write(this.prettyLines(level, shown, leftOut));
    else this.json[level]({ ...flat(shown), ...(leftOut > 0 ? { leftOut } : {}) });
  }

  private get full(): boolean {
    const { addresses, level } = this.options;
    return addresses === 'auto' ? level === 'debug' : addresses === 'full';
  }

  private get pretty(): boolean {
    const { format } = this.options;
    return format === 'auto' ? this.output.isTTY === true : format === 'pretty';
  }

  private prettyLines(level: LogLevel, event: AgentEvent, leftOut: number): string {
    const paint = this.output.isTTY === true && !this.env.NO_COLOR ? inColour : plain;
    const indent = ' '.repeat(15);
    const [first = '', ...rest] = printable(eventLine(event)).split('\n');
    const steps = nextStep(event)?.split('\n') ?? [];
    return `${[
      `${paint('dim', clockTime(event.time))} ${paint(level, level.padEnd(5))} ${first}`,
      ...rest.map((line) => indent + line),
      ...(leftOut > 0 ? [`${indent}${paint('dim', `${count(leftOut, 'line')} like this one left out before it`)}`] : []),
      ...steps.map((line) => `${indent}${paint('dim', `→ ${printable(line)}`)}`),
    ].join('\n')}\n`;
  }
}

function levelOf(event: AgentEvent): LogLevel {
  return event.event === 'log' ? event.level : eventLevels[event.event];
}

/** One object a line: time, the event's name and its payload. A log line brings its own name and fields. */
function flat(event: AgentEvent): Record<string, unknown> {
  const { event: name, time, ...payload } = event;
  const stamp = new Date(time).toISOString();
  if (event.event !== 'log') return { time: stamp, event: name, ...payload };
  const fields = Object.entries(event.fields).map(([key, value]) => [reserved.has(key) ? `_${key}` : key, value]);
  return { time: stamp, event: event.name, agent: event.agent, ...Object.fromEntries(fields) };
}

const reserved = new Set(['level', 'time', 'event', 'agent']);

/** Text of others may not move the operator's cursor. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');
}

function clockTime(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

const colours: Readonly<Record<LogLevel | 'dim', number>> = { debug: 36, info: 32, warn: 33, error: 31, dim: 2 };

function inColour(style: LogLevel | 'dim', text: string): string {
  return `\u001b[${colours[style]}m${text}\u001b[0m`;
}

function plain(_style: LogLevel | 'dim', text: string): string {
  return text;
}
