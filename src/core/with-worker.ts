import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';

export interface WorkerOptions {
  /**
   * A module's URL, or CommonJS text. It says `{ ready: true }` to its parent when it has loaded what it needs. It gets
   * `{ id, request }`, and answers `{ id, value }` or `{ id, error }`, a text.
   */
  readonly source: URL | string;
  /** Its `workerData`. */
  readonly data: unknown;
  readonly clock: Clock;
  /** Milliseconds for all calls together, from when the worker is ready: a slow machine is not the other end's fault. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to reject with when the time is up. */
  readonly expired: () => Error;
  /** What to reject with when a call is answered by an error, or the worker breaks or does not start. */
  readonly failed: (reason: string) => Error;
}

const heapMegabytes = 64;
/** How long a worker may take to be ready, in milliseconds: it takes a tenth of a second on a PC, and seconds on a busy small router. */
const startTimeoutMs = 20_000;
const answer = z.object({ id: z.number(), value: z.unknown().optional(), error: z.string().optional() });
const said = z.union([z.object({ ready: z.literal(true) }), answer]);

/**
 * For libraries whose calls cannot be called off: they run in a worker thread while `use` runs, and end with it, sockets and
 * timers included, whatever they wait for. What the worker prints is dropped.
 */
export async function withWorker<Result>(
  { source, data, clock, timeoutMs, signal, expired, failed }: WorkerOptions,
  use: (call: (request: unknown) => Promise<unknown>) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const worker = new Worker(source, {
    eval: typeof source === 'string',
    // Arguments of this process's Node are not the worker's business.
    execArgv: [],
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    stdout: true,
    stderr: true,
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const broken = new Promise<never>((_, reject) => {
    worker.once('error', (error: unknown) => reject(failed(String(error))));
    worker.once('exit', () => reject(failed('it ended')));
  });
  const ready = new Promise<void>((resolve) => {
    worker.on('message', (message) => {
      const reply = said.parse(message);
      if ('ready' in reply) return resolve();
      const { id, value, error } = reply;
      if (error === undefined) waiting.get(id)?.resolve(value);
      else waiting.get(id)?.reject(failed(error));
    });
  });
  let calls = 0;
  const call = (request: unknown) => {
    const id = ++calls;
    const answered = new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
    worker.postMessage({ id, request });
    return Promise.race([answered, broken]);
  };
  try {
    const late = () => failed(`its worker was not ready within ${startTimeoutMs} ms`);
    await withDeadline(Promise.race([ready, broken]), { clock, timeoutMs: startTimeoutMs, signal, expired: late });
    return await withDeadline(Promise.race([use(call), broken]), { clock, timeoutMs, signal, expired });
  } finally {
    broken.catch(() => undefined);
    await worker.terminate();
  }
}
