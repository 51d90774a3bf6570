import { configSchema } from '../../src/core/config/schema.js';
import type { Strategy, StrategyServices } from '../../src/core/strategy.js';
import { portMapping } from '../../src/strategies/port-mapping/index.js';
import { relay } from '../../src/strategies/relay/index.js';
import { tcpHolePunching } from '../../src/strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from '../../src/strategies/udp-hole-punching/index.js';
import type { StrategySupport } from '../../src/testing.js';

export interface BuiltIn {
  readonly name: string;
  /** @param turn URI of a TURN server */
  factory(services: StrategyServices, turn: string): Strategy;
  readonly supports: StrategySupport;
}

/** The strategies of the agent, and what they claim. */
export const builtIn: readonly BuiltIn[] = [
  {
    name: portMapping.name,
    factory: (services) => portMapping.create(portMapping.options.parse({}), services),
    supports: { opens: ['mapping-gateway', 'public', 'one-nat'] },
  },
  {
    name: tcpHolePunching.name,
    factory: (services) => tcpHolePunching.create(tcpHolePunching.options.parse({}), services),
    supports: { opens: ['two-nats', 'public', 'one-nat', 'no-udp'] },
  },
  {
    name: udpHolePunching.name,
    factory: (services) => udpHolePunching.create(udpHolePunching.options.parse({}), services),
    supports: { opens: ['two-nats', 'public', 'one-nat'] },
  },
  {
    name: 'relay',
    factory: (services, turn) => {
      const settings = configSchema.parse({ relay: { use: 'always', turn: [turn] } }).relay;
      return relay(() => settings).create({}, services);
    },
    supports: { opens: ['symmetric-nats', 'public', 'one-nat', 'two-nats', 'mapping-gateway', 'no-udp'], kind: 'relayed' },
  },
];
