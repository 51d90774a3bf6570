import type { z } from 'zod';
import { type Agent, createAgent } from '../agent.js';
import { configSchema } from '../core/config/schema.js';
import type { DiscoveryDefinition } from '../core/discovery-source.js';
import { type AgentEvent, type EventName, onEvent } from '../core/events.js';
import type { StrategyDefinition } from '../core/strategy.js';
import type { Host } from './host.js';
import { SimulatedReliableUdp } from './reliable-udp.js';
import { SimulatedRouter } from './simulated-router.js';
import { simulatedUpnp } from './upnp-control.js';

/** What a test says of an agent's configuration; the rest is as by default, but for STUN servers, of which there are none. */
export type AgentSettings = Omit<z.input<typeof configSchema>, 'admin' | 'stateDir' | 'runtimeDir'>;

/** Who hears the agents' events, by the agent's name: one subscription for all, so that many agents do not hear each other. */
const hearers = new Map<string, Set<(event: AgentEvent) => void>>();
onEvent((event) => {
  for (const hear of hearers.get(event.agent) ?? []) hear(event);
});

/** A host with a router and an agent, whose parts are those of the simulated network. */
export class SimulatedNode {
  /** What the agent has told, in order. */
  readonly events: AgentEvent[] = [];
  private readonly waiting = new Set<(event: AgentEvent) => void>();
  private readonly hear = (event: AgentEvent) => this.take(event);

  private constructor(
    readonly host: Host,
    readonly router: SimulatedRouter,
    private running: Agent,
    private readonly make: () => Promise<Agent>,
  ) {}

  /** Starts the router and then the agent. */
  static async start(
    host: Host,
    directory: Map<string, string>,
    settings: AgentSettings,
    strategies: readonly StrategyDefinition[] = [],
    discovery: readonly DiscoveryDefinition[] = [],
  ): Promise<SimulatedNode> {
    const key = Buffer.from(host.random.fork('key').bytes(32)).toString('hex');
    const router = await SimulatedRouter.start(host, directory, { key });
    const config = configSchema.parse({
      stun: [],
      ...settings,
      admin: router.admin,
      stateDir: '/var/lib/ratatoskr',
      runtimeDir: '/run/ratatoskr',
    });
    const { net, clock, random, files } = host;
    const reliableUdp = new SimulatedReliableUdp(net, clock);
    const parts = { net, clock, random, files, reliableUdp, upnp: simulatedUpnp };
    const make = () => createAgent(config, { name: host.name, ...parts, strategies, discovery });
    const node = new SimulatedNode(host, router, await make(), make);
    await node.begin();
    return node;
  }

  get agent(): Agent {
    return this.running;
  }

  /** The first event of a name, past or to come. */
  next<Name extends EventName>(name: Name): Promise<Extract<AgentEvent, { event: Name }>> {
    type Wanted = Extract<AgentEvent, { event: Name }>;
    const known = this.events.find(({ event }) => event === name);
    if (known) return Promise.resolve(known as Wanted);
    return new Promise((resolve) => {
      const listener = (event: AgentEvent) => {
        if (event.event !== name) return;
        this.waiting.delete(listener);
        resolve(event as Wanted);
      };
      this.waiting.add(listener);
    });
  }

  /** Stops the agent; the router goes on. */
  async stop(): Promise<void> {
    await this.running.stop();
    const { name } = this.host;
    hearers.get(name)?.delete(this.hear);
    if (hearers.get(name)?.size === 0) hearers.delete(name);
  }

  /** After {@link stop}, another agent with the same configuration and disk. */
  async restart(): Promise<void> {
    this.running = await this.make();
    await this.begin();
  }

  private begin(): Promise<void> {
    const { name } = this.host;
    hearers.set(name, (hearers.get(name) ?? new Set()).add(this.hear));
    return this.running.start();
  }

  private take(event: AgentEvent): void {
    this.events.push(event);
    for (const listener of [...this.waiting]) listener(event);
  }
}
