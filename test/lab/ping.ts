import { isIPv6 } from 'node:net';
import { LabError } from './lab-error.js';
import type { LabProcess } from './process.js';

export interface PingOptions {
  readonly count?: number;
  /** Milliseconds between requests. @default 200 */
  readonly intervalMs?: number;
  /** Milliseconds that the last replies are waited for. @default 2000 */
  readonly timeoutMs?: number;
}

export interface PingReport {
  readonly sent: number;
  readonly received: number;
  /** Of the replies, in order. */
  readonly rttsMs: readonly number[];
}

export interface PingReply {
  readonly sequence: number;
  /** When it came, in milliseconds since the Unix epoch. */
  readonly time: number;
  readonly rttMs: number;
}

export function pingCommand(address: string, { count, intervalMs = 200, timeoutMs = 2000 }: PingOptions): string[] {
  const limit = count === undefined ? [] : ['-c', String(count)];
  const times = ['-i', String(intervalMs / 1000), '-W', String(Math.ceil(timeoutMs / 1000))];
  // -D: time of each reply; -O: say so when a request had no reply by the time of the next.
  return ['ping', isIPv6(address) ? '-6' : '-4', '-n', '-D', '-O', ...limit, ...times, address];
}

export function parsePing(lines: readonly string[]): PingReport {
  const summary = lines.map((line) => /^(\d+) packets transmitted, (\d+) received/.exec(line)).find((match) => match !== null);
  if (!summary) throw new LabError(`ping did not report:\n${lines.slice(-5).join('\n')}`);
  const rttsMs = lines.flatMap((line) => parseReply(line)?.rttMs ?? []);
  return { sent: Number(summary[1]), received: Number(summary[2]), rttsMs };
}

function parseReply(line: string): PingReply | undefined {
  const match = /^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+).*time=([\d.]+) ms/.exec(line);
  if (match === null || line.includes('DUP!')) return undefined;
  return { sequence: Number(match[2]), time: Number(match[1]) * 1000, rttMs: Number(match[3]) };
}

/** A ping that goes on, to see what traffic meets while paths change under it. */
export class PingStream {
  readonly replies: PingReply[] = [];

  constructor(private readonly ping: LabProcess) {
    ping.read((line) => {
      const reply = parseReply(line);
      if (reply !== undefined) this.replies.push(reply);
    });
  }

  /** The first reply, or the first one that `accept` takes. */
  reply(
    accept: (reply: PingReply) => boolean = () => true,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<PingReply> {
    const find = (line: string) => {
      const reply = parseReply(line);
      return reply !== undefined && accept(reply) ? reply : undefined;
    };
    return this.ping.line('reply', find, options);
  }

  /** Requests without a reply between the first and the last that had one. */
  get lost(): number {
    const [first] = this.replies;
    const last = this.replies.at(-1);
    return first && last ? last.sequence - first.sequence + 1 - this.replies.length : 0;
  }

  async stop(): Promise<void> {
    await this.ping.stop('SIGINT');
  }
}

/** @returns the middle value, or what lies half-way between the middle two; undefined for no values */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  const [lower, upper] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return lower === undefined || upper === undefined ? undefined : (lower + upper) / 2;
}
