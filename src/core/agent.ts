import path from 'node:path';
import { inject, injectable } from 'tsyringe';
import { AdminRouter } from './admin/admin-router.js';
import type { Config } from './config.js';
import { AgentError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import type { Files } from './files.js';
import type { Net } from './net.js';
import { SessionLoop } from './session-loop.js';
import type { Strategy } from './strategy.js';
import { type Settings, tokens } from './tokens.js';

/** One running agent: follows the router, and runs the session loop while there is one. */
@injectable()
export class AgentCore {
  private readonly running = new AbortController();
  /** Start and stop of the session loop, strictly one after the other however fast the router comes and goes. */
  private steps: Promise<void> = Promise.resolve();
  private life: Promise<void> = Promise.resolve();

  constructor(
    @inject(AdminRouter) private readonly router: AdminRouter,
    @inject(SessionLoop) private readonly loop: SessionLoop,
    @inject(tokens.net) private readonly net: Net,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(tokens.strategies) private readonly strategies: readonly Strategy[],
    @inject(tokens.agentVersion) private readonly version: string,
  ) {}

  start(): void {
    this.events.publish('agent.started', { version: this.version });
    const { missing } = this.net.capabilities;
    if (missing) this.events.publish('platform.limited', { missing });
    this.router.onConnected((self) => this.step(async () => this.loop.start(self)));
    this.router.onLost(({ message }) => this.step(() => this.loop.stop(new AgentError('ROUTER_LOST', message))));
    this.life = this.router.run(this.running.signal);
  }

  async stop(): Promise<void> {
    this.step(() => this.loop.stop(new AgentError('AGENT_STOPPED', 'The agent is stopping.')));
    await this.steps;
    await Promise.all(this.strategies.map((strategy) => strategy.close?.()));
    this.running.abort(new AgentError('AGENT_STOPPED', 'The agent is stopping.'));
    await this.life;
    this.events.publish('agent.stopped', {});
  }

  /** Round trip to the agent of a peer in milliseconds. @throws SignallingError */
  ping(peer: PeerRef, signal: AbortSignal): Promise<number> {
    return this.loop.ping(peer, signal);
  }

  async reconfigure(config: Config): Promise<void> {
    const before = this.settings.current;
    this.settings.current = config;
    const keys = Object.keys(config) as (keyof Config)[];
    const changed = keys.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(before[key]));
    await this.loop.reconsider();
    this.events.publish('agent.reconfigured', { changed });
  }

  private step(action: () => Promise<void>): void {
    this.steps = this.steps.then(action);
  }
}

/** Sockets that a killed agent left in its runtime folder. The caller holds the folder's lock. @returns their names */
export async function removeStaleSockets(runtimeDir: string, files: Files): Promise<string[]> {
  const list = await files.list(runtimeDir);
  const stale = list.filter((name) => /^[0-9a-f]{32}\.sock$/.test(name));
  await Promise.all(stale.map((name) => files.remove(path.join(runtimeDir, name))));
  return stale;
}
