import { isIPv4 } from 'node:net';
import { StrategyError } from '../../core/errors.js';
import type { Gateway } from './default-gateway.js';
import { type IgdClient, withIgd } from './igd-client.js';
import type { CallOptions, Grant, MappingProtocol, MappingRequest, MappingState } from './mapping-protocol.js';
import { findDescription } from './ssdp.js';
import { requirePublic } from './stacked-nat.js';

/** What the gateway's list of mappings shows: it tells ours from everyone else's. */
const description = 'ratatoskr';

/** UPnP Internet Gateway Device, versions 1 and 2. */
export function upnpIgd(): MappingProtocol {
  /** Where each gateway described itself last; a search takes up to a second. */
  const descriptions = new Map<string, URL>();

  const find = async (gateway: Gateway, options: CallOptions): Promise<URL> => {
    const place = `${gateway.address} ${gateway.own}`;
    const known = descriptions.get(place);
    if (known) return known;
    const url = await findDescription(gateway, options);
    descriptions.clear();
    descriptions.set(place, url);
    return url;
  };
  const use = async <Result>(gateway: Gateway, options: CallOptions, work: (igd: IgdClient) => Promise<Result>) => {
    const url = await find(gateway, options);
    try {
      return await withIgd(url, options, work);
    } catch (error) {
      // After a restart it may be elsewhere.
      if (!(error instanceof StrategyError && error.code === 'MAPPING_CONFLICT')) descriptions.clear();
      throw error;
    }
  };

  return {
    name: 'upnp',
    families: [4],
    probe: async (gateway, options) => {
      await use(gateway, options, externalAddress);
    },
    map: (gateway, request, options) =>
      use(gateway, options, async (igd): Promise<Grant> => {
        const address = await externalAddress(igd);
        requirePublic(address);
        // Of two mappings with one external port the later replaces the earlier at some gateways.
        const present = await entry(igd, request);
        if (typeof present === 'object' && !isOurs(present, gateway, request)) {
          throw new StrategyError('MAPPING_CONFLICT', `Port ${request.externalPort} of the gateway leads to ${present.client}.`);
        }
        await igd.run('AddPortMapping', [
          ...key(request),
          ['NewInternalPort', request.internalPort],
          ['NewInternalClient', gateway.own],
          ['NewEnabled', 1],
          ['NewPortMappingDescription', description],
          ['NewLeaseDuration', request.lifetimeSeconds],
        ]);
        const made = await entry(igd, request);
        // 0 is for ever (WANIPConnection:1 §2.2.20): all that some gateways have.
        const forEver = typeof made === 'object' && made.leaseSeconds === 0;
        const lifetimeSeconds = forEver ? Number.POSITIVE_INFINITY : request.lifetimeSeconds;
        return { external: { address, port: request.externalPort }, lifetimeSeconds };
      }),
    unmap: (gateway, mapping, options) =>
      use(gateway, options, async (igd) => {
        const present = await entry(igd, mapping);
        if (present === 'none') return true;
        if (present !== 'unknown' && !isOurs(present, gateway, mapping)) return false;
        await igd.run('DeletePortMapping', key(mapping));
        return (await entry(igd, mapping)) === 'none';
      }),
    check: (gateway, mapping, options) =>
      use(gateway, options, async (igd): Promise<MappingState> => {
        const found = await entry(igd, mapping);
        const address = { externalAddress: await externalAddress(igd) };
        if (found === 'unknown') return address;
        return { ...address, present: found !== 'none' && isOurs(found, gateway, mapping) };
      }),
  };
}

interface Entry {
  readonly client: string;
  readonly port: number;
  readonly leaseSeconds: number;
}

/** What names a mapping: remote host (any), external port, protocol. */
function key({ externalPort, transport }: MappingRequest) {
  return [
    ['NewRemoteHost', ''],
    ['NewExternalPort', externalPort],
    ['NewProtocol', transport.toUpperCase()],
  ] as const;
}

/** The gateway's mapping of an external port; not all gateways tell. */
async function entry(igd: IgdClient, mapping: MappingRequest): Promise<Entry | 'none' | 'unknown'> {
  try {
    const values = await igd.run('GetSpecificPortMappingEntry', key(mapping));
    const { NewInternalClient: client = '', NewInternalPort: port, NewLeaseDuration: lease } = values;
    return { client, port: Number(port), leaseSeconds: Number(lease) };
  } catch (error) {
    if (!(error instanceof StrategyError) || error.code !== 'MAPPING_REFUSED') throw error;
    // Error 714, NoSuchEntryInArray (WANIPConnection:1 §2.4.15).
    return /does not exist/.test(error.message) ? 'none' : 'unknown';
  }
}

function isOurs({ client, port }: Entry, gateway: Gateway, { internalPort }: MappingRequest): boolean {
  return client === gateway.own && port === internalPort;
}

async function externalAddress(igd: IgdClient): Promise<string> {
  const { NewExternalIPAddress: address = '' } = await igd.run('GetExternalIPAddress', []);
  // Some gateways say nothing while they have none.
  return isIPv4(address) ? address : '0.0.0.0';
}
