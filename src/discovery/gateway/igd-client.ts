import { z } from 'zod';
import { StrategyError } from '../../core/errors.js';
import type { ActionArguments } from '../../core/upnp-control.js';
import type { CallOptions } from './mapping-protocol.js';
import { systemUpnp } from './system-upnp.js';

/** Actions of a gateway's WAN connection service. */
export interface IgdClient {
  /** @returns the values of the response, by name @throws StrategyError MAPPING_TIMEOUT, MAPPING_REFUSED, MAPPING_CONFLICT */
  run(action: string, args: ActionArguments): Promise<Readonly<Record<string, string>>>;
}

const values = z.record(z.string(), z.unknown());

/** Speaks to the gateway whose description is at `url` while `use` runs, all its calls within the one deadline. */
export function withIgd<Result>(
  url: URL,
  { services, timeoutMs, signal }: CallOptions,
  use: (client: IgdClient) => Promise<Result>,
): Promise<Result> {
  const { net, clock, upnp = systemUpnp } = services;
  const expired = () => new StrategyError('MAPPING_TIMEOUT', `${url.hostname} did not answer by UPnP within ${timeoutMs} ms.`);
  return upnp({ url, net, clock, timeoutMs, signal, expired, failed: refusal }, (invoke) =>
    use({ run: async (action, args) => responseValues(await invoke(action, args), action) }),
  );
}

/** The children of `<u:ActionResponse>`, as the XML parser has them: without children it is an empty object or string. */
function responseValues(body: unknown, action: string): Readonly<Record<string, string>> {
  const envelope = values.safeParse(body);
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
