import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { StrategyError } from '../../core/errors.js';
import { withWorker } from '../../core/with-worker.js';
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

const values = z.record(z.string(), z.unknown());

/** Speaks to the gateway whose description is at `url` while `use` runs, all its calls within the one deadline. */
export async function withIgd<Result>(
  url: URL,
  { services, timeoutMs, signal }: CallOptions,
  use: (client: IgdClient) => Promise<Result>,
): Promise<Result> {
  const library = pathToFileURL(createRequire(import.meta.url).resolve('@silentbot1/nat-api/lib/upnp/device.js')).href;
  const worker = {
    source: igdWorkerSource,
    data: { url: url.href, library, timeoutMs, maxBytes },
    clock: services.clock,
    timeoutMs,
    signal,
    expired: () => new StrategyError('MAPPING_TIMEOUT', `${url.hostname} did not answer by UPnP within ${timeoutMs} ms.`),
    failed: refusal,
  };
  return withWorker(worker, (call) =>
    use({ run: async (action, args) => responseValues(z.string().parse(await call({ action, args })), action) }),
  );
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
