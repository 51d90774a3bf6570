import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import { igdWorkerSource } from './igd-worker.js';
import type { CallOptions } from './mapping-protocol.js';

/** Names and values of an action's arguments, in the order that the service wants. */
type IgdArguments = readonly (readonly [name: string, value: string | number])[];

/** Actions of a gateway's WAN connection service (UPnP WANIPConnection:1 and :2, WANPPPConnection:1). */
export interface IgdClient {
  /** @returns the values of the response, by name @throws StrategyError MAPPING_TIMEOUT, MAPPING_REFUSED, MAPPING_CONFLICT */
  run(action: string, args: IgdArguments): Promise<Readonly<Record<string, string>>>;
}

/** Descriptions and replies are a few kilobytes. */
const maxBytes = 1 << 18;
const heapMegabytes = 64;

const workerMessage = z.object({ id: z.number(), body: z.string().optional(), error: z.string().optional() });
const values = z.record(z.string(), z.unknown());

/** Speaks to the gateway whose description is at `url` while `use` runs, all its calls within the one deadline. */
export async function withIgd<Result>(
  url: URL,
  { services, timeoutMs, signal }: CallOptions,
  use: (client: IgdClient) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const library = pathToFileURL(createRequire(import.meta.url).resolve('@silentbot1/nat-api/lib/upnp/device.js')).href;
  const worker = new Worker(igdWorkerSource, {
    eval: true,
    // Arguments of this process's Node are not the worker's business.
    execArgv: [],
    workerData: { url: url.href, library, timeoutMs, maxBytes },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    stdout: true,
    stderr: true,
  });
  const waiting = new Map<number, { resolve(body: string): void; reject(error: Error): void }>();
  const failed = new Promise<never>((_, reject) => {
    const fail = (cause: unknown) => reject(new StrategyError('MAPPING_REFUSED', `The UPnP client failed: ${cause}.`, { cause }));
    worker.once('error', fail);
    worker.once('exit', () => fail('it ended'));
  });
  worker.on('message', (message) => {
    const { id, body, error } = workerMessage.parse(message);
    if (body === undefined) waiting.get(id)?.reject(refusal(error ?? 'no reason'));
    else waiting.get(id)?.resolve(body);
  });
  let calls = 0;
  const client: IgdClient = {
    run: async (action, args) => {
      const id = ++calls;
      const answered = new Promise<string>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
      });
      worker.postMessage({ id, action, args });
      return responseValues(await Promise.race([answered, failed]), action);
    },
  };
  try {
    return await withDeadline(Promise.race([use(client), failed]), {
      clock: services.clock,
      timeoutMs,
      signal,
      expired: () => new StrategyError('MAPPING_TIMEOUT', `${url.hostname} did not answer by UPnP within ${timeoutMs} ms.`),
    });
  } finally {
    failed.catch(() => undefined);
    await worker.terminate();
  }
}

/** The children of `<u:ActionResponse>`, as the XML parser has them: without children it is an empty object or string. */
function responseValues(body: string, action: string): Readonly<Record<string, string>> {
  const envelope = values.safeParse(JSON.parse(body));
  const [, content] = Object.entries(envelope.data ?? {}).find(([name]) => name.endsWith(`${action}Response`)) ?? [];
  if (content === undefined) throw refusal(`no ${action}Response`);
  const entries = Object.entries(values.safeParse(content).data ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** The library gives UPnP's error codes as sentences; these two are the conflicts 718 and 729 (WANIPConnection:2 §2.5.16). */
function refusal(reason: string): StrategyError {
  const code = /conflict/i.test(reason) ? 'MAPPING_CONFLICT' : 'MAPPING_REFUSED';
  return new StrategyError(code, `The gateway refused a UPnP request: ${reason}.`);
}
