import { readFile } from 'node:fs/promises';
import ipaddr from 'ipaddr.js';
import { StrategyError } from '../../core/errors.js';
import type { DefaultRoute, InterfaceAddress, Net } from '../../core/net.js';
import { isOverlayAddress } from '../../core/overlay-address.js';

/** The router towards the internet, and how this machine appears to it. */
export interface Gateway {
  readonly family: 4 | 6;
  /** Its address on our link; a link-local one carries its scope, `fe80::1%eth0`. */
  readonly address: string;
  readonly interface: string;
  /** Our own address towards it: what a mapping leads to. */
  readonly own: string;
}

/** The kernel's routing tables as text. */
export interface RouteTables {
  /** /proc/net/route */
  readonly ipv4: string;
  /** /proc/net/ipv6_route */
  readonly ipv6: string;
}

/** Finds the default gateway of a family. @throws StrategyError GATEWAY_MISSING with the reason */
export type FindGateway = (family: 4 | 6) => Promise<Gateway>;

/** Reads the routing tables anew at each call, for a machine changes networks. @param read for tests */
export function gatewayFinder(net: Net, read: () => Promise<RouteTables> = readRouteTables): FindGateway {
  return async (family) => {
    const route = net.defaultRoute ? await net.defaultRoute(family) : defaultRouteIn(await read(), family);
    if (!route) throw new StrategyError('GATEWAY_MISSING', `This machine has no default route of IPv${family}.`);
    const own = ownAddress(route, family, net.interfaces());
    if (own === undefined)
      throw new StrategyError('GATEWAY_MISSING', `${route.interface} has no IPv${family} address towards its gateway.`);
    const scope = route.address.startsWith('fe80') ? `%${route.interface}` : '';
    return { family, address: `${route.address}${scope}`, interface: route.interface, own };
  };
}

function defaultRouteIn({ ipv4, ipv6 }: RouteTables, family: 4 | 6): DefaultRoute | undefined {
  return family === 4 ? ipv4DefaultRoute(ipv4) : ipv6DefaultRoute(ipv6);
}

/** Flags of a route (linux/route.h): it is up, and leads through a gateway. */
const upAndGateway = 0x0003;
/** The route discards what takes it (linux/ipv6_route.h: RTF_REJECT). */
const reject = 0x0200;

/**
 * The default route with the lowest metric. Columns of /proc/net/route (proc(5)): Iface Destination Gateway Flags RefCnt Use Metric
 * Mask ...; addresses are the hex digits of a 32-bit number in the machine's byte order, little-endian wherever Node 20 runs.
 */
export function ipv4DefaultRoute(text: string): DefaultRoute | undefined {
  const routes = text.split('\n').flatMap((line) => {
    const [device, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (!device || destination !== '00000000' || mask !== '00000000' || !/^[0-9A-Fa-f]{8}$/.test(gateway ?? '')) return [];
    if (!isUsable(flags)) return [];
    const address = [...Buffer.from(gateway ?? '', 'hex')].reverse().join('.');
    return [{ address, interface: device, metric: Number(metric) || 0 }];
  });
  return lowest(routes);
}

/**
 * The same of /proc/net/ipv6_route: destination, its prefix length, source, its prefix length, next hop, metric, reference count,
 * use count, flags (all hex), interface.
 */
export function ipv6DefaultRoute(text: string): DefaultRoute | undefined {
  const routes = text.split('\n').flatMap((line) => {
    const [destination, length, , , nextHop, metric, , , flags, device] = line.trim().split(/\s+/);
    if (!device || length !== '00' || !/^0{32}$/.test(destination ?? '') || !/^[0-9a-f]{32}$/.test(nextHop ?? '')) return [];
    if (!isUsable(flags)) return [];
    const address = ipaddr.fromByteArray([...Buffer.from(nextHop ?? '', 'hex')]).toString();
    return [{ address, interface: device, metric: Number.parseInt(metric ?? '', 16) || 0 }];
  });
  return lowest(routes);
}

function isUsable(flags: string | undefined): boolean {
  const value = Number.parseInt(flags ?? '', 16);
  return (value & upAndGateway) === upAndGateway && (value & reject) === 0;
}

function lowest(routes: readonly DefaultRoute[]): DefaultRoute | undefined {
  return [...routes].sort((a, b) => a.metric - b.metric)[0];
}

/** Of the interface's addresses the one that shares the gateway's network; with IPv6, where gateways are link-local, a global one. */
function ownAddress(route: DefaultRoute, family: 4 | 6, interfaces: readonly InterfaceAddress[]): string | undefined {
  const here = interfaces.filter((each) => each.name === route.interface && each.family === family);
  if (family === 4) {
    const gateway = ipaddr.IPv4.parse(route.address);
    const near = here.find(({ address, prefixLength }) => gateway.match(ipaddr.IPv4.parse(address), prefixLength));
    return (near ?? here[0])?.address;
  }
  const global = (address: string) =>
    !address.includes('%') && !isOverlayAddress(address) && ipaddr.parse(address).range() !== 'linkLocal';
  return here.find(({ address }) => global(address))?.address;
}

async function readRouteTables(): Promise<RouteTables> {
  if (process.platform !== 'linux')
    throw new StrategyError('GATEWAY_MISSING', `Finding the gateway is not supported on ${process.platform}.`);
  const read = (file: string) => readFile(file, 'utf8').catch(() => '');
  const [ipv4, ipv6] = await Promise.all([read('/proc/net/route'), read('/proc/net/ipv6_route')]);
  return { ipv4, ipv6 };
}
