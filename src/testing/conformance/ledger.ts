import type { Endpoint } from '../../core/net.js';
import { systemError } from '../system-error.js';

/** What a strategy holds at one end: everything it opened through its services and has not closed yet. */
export class Ledger {
  /** Where anything was sent or dialled. */
  readonly contacts: Endpoint[] = [];
  private readonly entries = new Set<string[]>();

  private refusing = false;

  /** The system gives no sockets from now on. */
  refuse(): void {
    this.refusing = true;
  }

  /** @throws the system's error, where it gives no sockets */
  permit(call: 'bind' | 'connect' | 'listen'): void {
    if (this.refusing) throw systemError('EACCES', call, 'the test permits no sockets');
  }

  /** @param what with its article, as `a timer of 500 ms` @param where the line of code that opened it @returns to be called when it is given back; idempotent */
  hold(what: string, where = opener()): () => void {
    const entry = [what, where];
    this.entries.add(entry);
    return () => this.entries.delete(entry);
  }

  /** What is held, each with the line of code that opened it. */
  get held(): readonly string[] {
    return [...this.entries].map(([what, where]) => `${what}, opened ${where}`);
  }
}

/** The first line of the stack that is neither the kit's nor Node's. */
export function opener(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const foreign = frames.find((frame) => /:\d+:\d+\)?$/.test(frame) && !ours.test(frame));
  return foreign?.trim() ?? 'at a place that the stack does not show';
}

const ours = /[\\/](src|dist)[\\/]testing[\\/]|\(?node:|[\\/]core[\\/](clock|deadline)\.[jt]s/;
