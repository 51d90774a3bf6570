import type { Gateway } from './default-gateway.js';
import { exchange } from './gateway-exchange.js';
import type { CallOptions } from './mapping-protocol.js';

/** Where UPnP devices listen for searches (UPnP Device Architecture 1.1 §1.3.2). */
const group = { address: '239.255.255.250', port: 1900 };
/** Devices of version 2 answer to the search for version 1 as well, as they should; not all do. */
const searchTargets = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);
/** An answer is a few headers. */
const maxAnswerBytes = 4096;

/**
 * Where the default gateway describes itself: other devices that call themselves a gateway are not listened to, nor is a
 * description anywhere but at the gateway.
 * @throws StrategyError MAPPING_TIMEOUT
 */
export function findDescription(gateway: Gateway, options: CallOptions): Promise<URL> {
  const packets = searchTargets.map((target) => Buffer.from(search(target)));
  // Some answer only to the group, and some networks carry no multicast.
  const places = [group, { address: gateway.address, port: group.port }];
  return exchange({
    ...options,
    gateway,
    what: 'a UPnP search',
    send: places.flatMap((to) => packets.map((packet) => ({ to, packet }))),
    read: (packet) => descriptionIn(packet, gateway.address),
  });
}

/** The description's address in an answer to a search (UDA 1.1 §1.3.3); undefined when it is none of the host's. Never throws. */
export function descriptionIn(packet: Buffer, host: string): URL | undefined {
  if (packet.length > maxAnswerBytes) return undefined;
  const [status = '', ...lines] = packet.toString('latin1').split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200/.test(status)) return undefined;
  const header = (name: string) => {
    const line = lines.find((each) => each.toLowerCase().startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim();
  };
  const location = header('location');
  if (!header('st')?.startsWith('urn:schemas-upnp-org:device:InternetGatewayDevice:') || location === undefined) return undefined;
  if (!URL.canParse(location)) return undefined;
  const url = new URL(location);
  return url.protocol === 'http:' && url.hostname === host ? url : undefined;
}

/** UDA 1.1 §1.3.2; MX is the longest that a device may wait before it answers, in seconds. */
function search(target: string): string {
  const lines = ['M-SEARCH * HTTP/1.1', `HOST: ${group.address}:${group.port}`, 'MAN: "ssdp:discover"', 'MX: 1', `ST: ${target}`];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
