import path from 'node:path';
import { inject, injectable } from 'tsyringe';
import { AdminRouter } from './admin/admin-router.js';
import { type Bridge, Bridges } from './bridge.js';
import type { Config } from './config.js';
import { Discovery } from './discovery.js';
import { AgentError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import type { Files } from './files.js';
import type { Net } from './net.js';
import { addressOf, keyPattern } from './overlay-address.js';
import type { PumpReadings } from './pump.js';
import { SessionLoop } from './session-loop.js';
import type { Strategy } from './strategy.js';
import { type Settings, tokens } from './tokens.js';

/** Peers that the operator may keep away from while the agent runs; more belong into the configuration. */
const maxBarred = 1024;

/** One running agent: follows the router, and runs the session loop while there is one. */
@injectable()
export class AgentCore {
  private readonly running = new AbortController();
  /** Start and stop of the session loop, strictly one after the other however fast the router comes and goes. */
  private steps: Promise<void> = Promise.resolve();
  private life: Promise<void> = Promise.resolve();
  /** Keys of peers that the operator keeps away from for as long as the agent runs. */
  private readonly barred = new Set<string>();
  /** The configuration as it was given, without those. */
  private given: Config | undefined;

  constructor(
    @inject(AdminRouter) private readonly router: AdminRouter,
    @inject(SessionLoop) private readonly loop: SessionLoop,
    @inject(Discovery) private readonly discovery: Discovery,
    @inject(Bridges) private readonly bridgesUp: Bridges,
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

  /** Bridges that are up, with what has gone over them. */
  get bridges(): readonly Bridge[] {
    return this.bridgesUp.all;
  }

  /** Round trip to the agent of a peer in milliseconds. @throws SignallingError */
  ping(peer: PeerRef, signal: AbortSignal): Promise<number> {
    return this.loop.ping(peer, signal);
  }

  /** What has gone over a bridge so far, and how long it takes. @param attempt that it came of */
  traffic(attempt: string): PumpReadings | undefined {
    return this.bridgesUp.traffic(attempt);
  }

  /** Whom a public key or an overlay address means; undefined for an address that there is no session with. @throws AdminError */
  async locate(peer: string): Promise<PeerRef | undefined> {
    const wanted = peer.toLowerCase();
    if (keyPattern.test(wanted)) return { key: wanted, address: addressOf(wanted) };
    const session = (await this.router.sessions()).find(({ address }) => address === wanted);
    return session && { key: session.key, address: session.address };
  }

  /** Meets and bridges a peer whatever its session carries, until {@link letGo}, {@link unbridge} or the end. @throws SignallingError, AgentError */
  async bridge(peer: PeerRef): Promise<void> {
    if (peer.key === this.router.self?.key) throw new AgentError('CONTROL_REFUSED', 'That is this agent’s own router.');
    if (this.barred.delete(peer.key)) await this.apply(this.given ?? this.settings.current);
    this.discovery.name(peer);
    this.loop.rouse(peer.key);
  }

  /** Does the operator want this peer bridged? */
  isNamed(peer: PeerRef): boolean {
    return this.discovery.isNamed(peer.key);
  }

  /** Undoes {@link bridge}: what the session carries counts again. */
  letGo(peer: PeerRef): void {
    this.discovery.unname(peer);
    this.loop.tellHold(peer.key);
  }

  /** Something has been learnt of that may help where every strategy has failed: a relay, or who answers STUN. */
  helpLearnt(): void {
    this.loop.helpLearnt();
  }

  /** Takes the bridge with a peer down and keeps away from it until {@link bridge} or the end. @throws AgentError */
  async unbridge(peer: PeerRef): Promise<void> {
    if (this.barred.size >= maxBarred)
      throw new AgentError('CONTROL_REFUSED', `${maxBarred} peers are kept away from already; name them in deny.`);
    this.discovery.unname(peer);
    this.barred.add(peer.key);
    await this.apply(this.given ?? this.settings.current);
  }

  reconfigure(config: Config): Promise<void> {
    return this.apply(config);
  }

  private async apply(given: Config): Promise<void> {
    const before = this.settings.current;
    this.given = given;
    const config = this.barred.size === 0 ? given : { ...given, deny: [...given.deny, ...this.barred] };
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
