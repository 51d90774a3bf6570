import { systemClock } from '../../src/core/clock.js';
import { parseRelayWay } from '../../src/core/config/relay-way.js';
import { configSchema } from '../../src/core/config/schema.js';
import type { Net } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import type { Path, Role } from '../../src/core/strategy.js';
import { createSystemNet } from '../../src/native/system-net.js';
import type { RelayClient } from '../../src/relay/client.js';
import { RelayStrategy } from '../../src/strategies/relay/index.js';
import type { Relay, RelaySource } from '../../src/strategies/relay/relay-source.js';
import { type Attempts, attemptAtBothEnds } from './attempts.js';

const system = createSystemNet();
/** Both ends choose for themselves. */
const measuring = configSchema.parse({}).relay.routes;
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** What one end brings along. */
export interface Side {
  /** @default none */
  readonly relays?: readonly Relay[];
  /** Where more relays come from, with the client that speaks with them. */
  readonly volunteers?: { readonly source: RelaySource; readonly client: RelayClient };
  /** @default the system's */
  readonly net?: Net;
  readonly use?: 'never' | 'faster' | 'always';
  /** The ways by which alone it sends, as the configuration names them. @default it measures */
  readonly over?: readonly string[];
}

/** Runs the strategy at both ends. */
export function attempt(sides: Readonly<Record<Role, Side>>): Attempts & {
  /** Those that came of it, to be destroyed. */
  readonly paths: readonly Path[];
  /** Runs them once more, with what they remember. */
  again(): Attempts;
} {
  const strategy = ({ relays = [], volunteers, use = 'faster', net = system, over }: Side) => {
    const nextHops = over && [{ peer: '*', over: over.flatMap((way) => [parseRelayWay(way) ?? []]) }];
    const routes = nextHops ? { ...measuring, mode: 'static' as const, nextHops } : measuring;
    const services = { stateDir: '', net, clock: systemClock, random: systemRandom, log, addresses: { stunServers: [] } };
    const named: RelaySource = { relays: async () => ({ found: relays, failures: [] }) };
    const sources = volunteers ? [named, volunteers.source] : [named];
    return new RelayStrategy(services, () => ({ use, routes, turn: [], servers: [] }), sources, volunteers?.client);
  };
  const paths: Path[] = [];
  const strategies = { controlling: strategy(sides.controlling), controlled: strategy(sides.controlled) };
  const again = () => {
    const attempts = attemptAtBothEnds(strategies);
    for (const run of Object.values(attempts.run)) {
      run.then(
        (found) => paths.push(found),
        () => {},
      );
    }
    return attempts;
  };
  return { ...again(), paths, again };
}
