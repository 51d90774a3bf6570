import { isIPv4 } from 'node:net';
import {
  type CallOptions,
  type Gateway,
  type Grant,
  type MappingProtocol,
  type MappingRequest,
  type MappingState,
  requirePublic,
  StrategyError,
  withWorker,
} from 'ratatoskr';
import type { Answers, Call, Entry, WorkerData } from './messages.js';

/** What the gateway's list of mappings shows. */
const description = 'ratatoskr';

/** Asks the gateway by the worker. */
type Ask = <Name extends Call['name']>(call: Extract<Call, { name: Name }>) => Promise<Answers[Name]>;

/** UPnP Internet Gateway Device, versions 1 and 2, through nat-upnp. */
export function natUpnp(): MappingProtocol {
  /** Where each gateway described itself last; a search takes up to a second. */
  const locations = new Map<string, string>();

  const use = async <Result>(gateway: Gateway, options: CallOptions, work: (ask: Ask) => Promise<Result>): Promise<Result> => {
    const { address, own } = gateway;
    const place = `${address} ${own}`;
    const data: WorkerData = { gateway: address, own, location: locations.get(place) };
    const { services, timeoutMs, signal } = options;
    const worker = {
      source: new URL('./worker.cjs', import.meta.url),
      data,
      clock: services.clock,
      timeoutMs,
      signal,
      expired: () => new StrategyError('MAPPING_TIMEOUT', `${address} did not answer by UPnP within ${timeoutMs} ms.`),
      failed: (reason: string) => new StrategyError('MAPPING_REFUSED', `The gateway refused a UPnP request: ${reason}.`),
    };
    // After a restart it may be elsewhere, so only a success is remembered.
    locations.clear();
    return withWorker(worker, async (call) => {
      const ask = call as Ask;
      const location = await ask({ name: 'find' });
      const result = await work(ask);
      locations.set(place, location);
      return result;
    });
  };

  return {
    name: 'nat-upnp',
    families: [4],
    probe: async (gateway, options) => {
      await use(gateway, options, externalAddress);
    },
    map: (gateway, request, options) =>
      use(gateway, options, async (ask): Promise<Grant> => {
        const address = await externalAddress(ask);
        requirePublic(address);
        const { transport, externalPort, internalPort, lifetimeSeconds } = request;
        // Of two mappings with one external port the later replaces the earlier at some gateways.
        const present = await ask({ name: 'entry', transport, externalPort });
        if (present && !isOurs(present, gateway, request)) {
          throw new StrategyError('MAPPING_CONFLICT', `Port ${externalPort} of the gateway leads to ${present.host}.`);
        }
        await ask({ name: 'map', transport, externalPort, internalPort, lifetimeSeconds, description });
        const made = await ask({ name: 'entry', transport, externalPort });
        const external = { address, port: externalPort };
        return { external, lifetimeSeconds: made?.leaseSeconds === 0 ? Number.POSITIVE_INFINITY : lifetimeSeconds };
      }),
    unmap: (gateway, mapping, options) =>
      use(gateway, options, async (ask) => {
        const { transport, externalPort } = mapping;
        const present = await ask({ name: 'entry', transport, externalPort });
        if (!present) return true;
        if (!isOurs(present, gateway, mapping)) return false;
        await ask({ name: 'unmap', transport, externalPort });
        return (await ask({ name: 'entry', transport, externalPort })) === undefined;
      }),
    check: (gateway, mapping, options) =>
      use(gateway, options, async (ask): Promise<MappingState> => {
        const { transport, externalPort } = mapping;
        const found = await ask({ name: 'entry', transport, externalPort });
        return { present: found !== undefined && isOurs(found, gateway, mapping), externalAddress: await externalAddress(ask) };
      }),
  };
}

function isOurs({ host, port }: Entry, gateway: Gateway, { internalPort }: MappingRequest): boolean {
  return host === gateway.own && port === internalPort;
}

async function externalAddress(ask: Ask): Promise<string> {
  const address = await ask({ name: 'externalAddress' });
  // Some gateways say nothing while they have none.
  return isIPv4(address) ? address : '0.0.0.0';
}
