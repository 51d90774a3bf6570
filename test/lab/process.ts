import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { LabError } from './lab-error.js';
import { childOf } from './namespaces.js';
import { poll } from './poll.js';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What the kernel counts of a program. */
export interface Holdings {
  /** Memory. */
  readonly residentBytes: number;
  readonly threads: number;
  readonly descriptors: number;
}

/** A program that runs inside the laboratory: its output goes to a file, and can be waited for line by line. */
export class LabProcess {
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  exit: Exit | undefined;
  private readonly child: ChildProcess;
  private readonly log: WriteStream;
  private readonly lines: string[] = [];
  private readonly readers = new Set<(line: string) => void>();

  /**
   * @param name for messages
   * @param command from {@link Namespaces.enter}
   * @param logFile receives stdout and stderr
   */
  constructor(
    readonly name: string,
    command: readonly string[],
    readonly logFile: string,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    const [file = '', ...args] = command;
    this.log = createWriteStream(logFile, { flags: 'a' });
    // The folder it is in vanishes with the laboratory, which may be before the last line is written.
    this.log.on('error', () => undefined);
    // A process group of its own, so that a terminal's Ctrl-C is ours to handle.
    this.child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true });
    this.exited = new Promise((resolve) => {
      const finish = (exit: Exit) => {
        this.exit = exit;
        this.log.end();
        resolve(exit);
      };
      this.child.once('close', (code, signal) => finish({ code, signal }));
      this.child.once('error', (error) => {
        this.take(String(error));
        finish({ code: null, signal: null });
      });
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.take(line));
    }
  }

  /** Calls `reader` for every line from the first on, those already said included. @returns a function that ends it */
  read(reader: (line: string) => void): () => void {
    for (const line of this.lines) reader(line);
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  }

  /** The first line, said already or yet to come, that `find` makes something of. */
  async line<T>(
    what: string,
    find: (line: string) => T | undefined,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<T> {
    const { timeoutMs = 10_000, signal } = options;
    let end = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const fail = (why: string) => reject(new LabError(`${this.name}: no ${what} ${why}\n${this.tail()}`));
        timer = setTimeout(() => fail(`within ${timeoutMs} ms`), timeoutMs);
        const onAbort = () => fail('before the test was called off');
        signal?.addEventListener('abort', onAbort, { once: true });
        const stop = this.read((line) => {
          const found = find(line);
          if (found !== undefined) resolve(found);
        });
        end = () => {
          stop();
          signal?.removeEventListener('abort', onAbort);
        };
        this.exited.then(({ code, signal: by }) => fail(`before it ended with ${by ?? `code ${code}`}`), reject);
      });
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  /** Of the program itself (nsenter, which we spawned, waits for it); undefined when it runs no more. */
  private async pid(): Promise<number | undefined> {
    const { pid } = this.child;
    if (pid === undefined || this.exit !== undefined) return undefined;
    return (await poll(`${this.name} starts`, () => (this.exit === undefined ? childOf(pid) : 0))) || undefined;
  }

  /** The last lines it said, for messages. */
  tail(count = 15): string {
    return this.lines.slice(-count).join('\n');
  }

  /** Seconds of processor that the program has used so far, its threads' included. @throws LabError when it runs no more */
  async cpuSeconds(): Promise<number> {
    const pid = await this.pid();
    if (pid === undefined) throw new LabError(`${this.name} runs no more`);
    // What follows the name in brackets: state is field 3, utime and stime are 14 and 15, in hundredths (proc(5), USER_HZ).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** What the program holds. @throws LabError when it runs no more */
  async holdings(): Promise<Holdings> {
    const pid = await this.pid();
    if (pid === undefined) throw new LabError(`${this.name} runs no more`);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { residentBytes: number('VmRSS') * 1024, threads: number('Threads'), descriptors };
  }

  /** Sends a signal to the program itself. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Asks it to end, and makes it when it does not. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', { patienceMs = 10_000 } = {}): Promise<Exit> {
    await this.kill(signal);
    const timer = setTimeout(() => this.kill('SIGKILL').catch(() => undefined), patienceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  private take(line: string): void {
    this.log.write(`${line}\n`);
    this.lines.push(line);
    for (const reader of this.readers) reader(line);
  }
}
