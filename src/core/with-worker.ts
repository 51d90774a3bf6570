import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';

export interface WorkerOptions {
  /** A module's URL, or CommonJS text. It gets `{ id, request }` from its parent, and answers `{ id, value }` or `{ id, error }`, a text. */
  readonly source: URL | string;
  /** Its `workerData`. */
  readonly data: unknown;
  readonly clock: Clock;
  /** Milliseconds for all calls together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to reject with when the time is up. */
  readonly expired: () => Error;
  /** What to reject with when a call is answered by an error, or the worker breaks. */
  readonly failed: (reason: string) => Error;
}

const heapMegabytes = 64;
const reply = z.object({ id: z.number(), value: z.unknown().optional(), error: z.string().optional() });

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
  worker.on('message', (message) => {
    const { id, value, error } = reply.parse(message);
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(failed(error));
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
    return await withDeadline(Promise.race([use(call), broken]), { clock, timeoutMs, signal, expired });
  } finally {
    broken.catch(() => undefined);
    await worker.terminate();
  }
}
