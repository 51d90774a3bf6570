import 'reflect-metadata';

export { type Agent, type AgentParts, createAgent } from './agent.js';
export { untilAborted } from './core/aborted.js';
export { type Clock, sleep, type Timer } from './core/clock.js';
export { type Config, defaultConfig, parseConfig } from './core/config.js';
export { type DeadlineOptions, withDeadline } from './core/deadline.js';
export {
  type DiscoveryContext,
  type DiscoveryDefinition,
  type DiscoveryServices,
  type DiscoverySource,
  defineDiscovery,
  discoveryApiVersion,
  type FoundPeer,
  type MeetingPurpose,
} from './core/discovery-source.js';
export { type ErrorCode, errorCatalogue } from './core/error-catalogue.js';
export {
  AdminError,
  AgentError,
  BridgeError,
  ConfigError,
  describeError,
  PluginError,
  RatatoskrError,
  SignallingError,
  StrategyError,
} from './core/errors.js';
export { type AgentEvent, type AgentEvents, type EventName, type Failure, onEvent, type PeerRef } from './core/events.js';
export type { Files } from './core/files.js';
export type { GatewayPort, GatewayPorts, MapPort, WantedPort } from './core/gateway-ports.js';
export type { Logger, LogLevel } from './core/logger.js';
export type * from './core/net.js';
export type { Random } from './core/random.js';
export { isPublicAddress } from './core/reach.js';
export { readExactly } from './core/read-exactly.js';
export { type SealingOptions, seal } from './core/sealing.js';
export {
  type AddressBook,
  type AttemptChannel,
  type AttemptContext,
  asPath,
  defineStrategy,
  type Path,
  type PathInfo,
  type PathPeering,
  type Probe,
  type ProbeContext,
  type Role,
  type Strategy,
  type StrategyDefinition,
  type StrategyServices,
  strategyApiVersion,
} from './core/strategy.js';
export { type WorkerOptions, withWorker } from './core/with-worker.js';
export { formatEndpoint } from './discovery/candidates.js';
export type { FindGateway, Gateway } from './discovery/gateway/default-gateway.js';
export type {
  CallOptions,
  Grant,
  MappingProtocol,
  MappingRequest,
  MappingState,
  ProtocolServices,
  Transport,
} from './discovery/gateway/mapping-protocol.js';
export { requirePublic } from './discovery/gateway/stacked-nat.js';
export { type ListeningPort, openListeningPort } from './discovery/listening-port.js';
export { ProvenStream } from './discovery/proven-stream.js';
export { tcpPath } from './discovery/tcp-path.js';
export { type MappedPortStrategyParts, mappedPortStrategy } from './strategies/port-mapping/mapped-port-strategy.js';
