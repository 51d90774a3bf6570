import type { Endpoint } from '../../core/net.js';
import { allocatedPlace } from './allocated-place.js';
import { type DatagramRoute, datagramRoutes } from './datagram-terms.js';
import type { Relay, RelayedPlace } from './relay-source.js';
import { RelayedUdp } from './relayed-udp.js';
import type { TurnPlatform, TurnServer } from './turn/server.js';

/**
 * Opens a place that takes datagrams. Whoever greets it gets a stream, one on each route; anything else from an address that no
 * stream is open to is dropped.
 * @throws StrategyError; nothing is left behind then
 */
export async function openDatagramPlace(
  platform: TurnPlatform,
  server: TurnServer,
  { peers, terms, onStream, signal }: Parameters<Relay['open']>[0],
): Promise<RelayedPlace> {
  const awaited = new Map<DatagramRoute, Buffer>(datagramRoutes.map((route) => [route, terms.greeting(route)]));
  const greeted = (data: Buffer, from: Endpoint) => {
    const route = datagramRoutes.find((one) => awaited.get(one)?.equals(data));
    if (!route) return;
    awaited.delete(route);
    // When it fails, the next greeting may do better.
    udp.connect(from, terms.stream(route, 'opener'), signal).then(onStream, () => awaited.set(route, data));
  };
  const udp = await RelayedUdp.open(platform, server, { onDatagram: (data, from) => greeted(data, from), signal });
  return allocatedPlace(udp, { endpoint: udp.endpoint, protocol: 'udp' }, peers, signal);
}
