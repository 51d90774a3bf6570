import 'reflect-metadata';

export { ConformanceError } from './testing/conformance/breach.js';
export { loopback } from './testing/conformance/loopback.js';
export type { ConformanceNetwork, ConformanceNetworks, Place, ServerPlace } from './testing/conformance/network.js';
export { simulated } from './testing/conformance/simulated.js';
export { type Situation, situations } from './testing/conformance/situation.js';
export {
  type ConformanceOptions,
  strategyConformance,
  type TestFunction,
} from './testing/conformance/strategy-conformance.js';
export type { StrategySupport } from './testing/conformance/support.js';
export type { FirewallBehaviour } from './testing/firewall.js';
export type { Host, HostOptions } from './testing/host.js';
export type { Direction, IpRouter, IpRouterOptions, PacketFilter } from './testing/ip-router.js';
export type { LineOptions } from './testing/line.js';
export type { NetworkNode } from './testing/link.js';
export type { PacketEvent, PacketObserver } from './testing/medium.js';
export type { Nat, NatOptions } from './testing/nat.js';
export type { Dependence, NatBehaviour } from './testing/nat-behaviour.js';
export { type NetworkOptions, type NetworkStatistics, SimulatedNetwork } from './testing/network.js';
export { type AgentSettings, SimulatedNode } from './testing/node.js';
export type { Packet, TcpFlags, TcpHeader, TcpPacket, UdpPacket } from './testing/packet.js';
export type { Recording } from './testing/recording.js';
export { SimulatedReliableUdp } from './testing/reliable-udp.js';
export { SeededRandom } from './testing/seeded-random.js';
export { SimulatedRouter, type SimulatedRouterOptions } from './testing/simulated-router.js';
export type { Site } from './testing/site.js';
export type { LossCause, Statistics } from './testing/statistics.js';
export { serveStun } from './testing/stun-server.js';
export { serveTurn, type TurnServerOptions } from './testing/turn-server.js';
export { VirtualClock } from './testing/virtual-clock.js';
