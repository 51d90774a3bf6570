import { setTimeout as delay } from 'node:timers/promises';
import type { Failure } from '../../src/core/events.js';
import type { AgentLine, AgentOptions, AgentProcess } from './agent-process.js';
import { Lab, type LabOptions } from './lab.js';
import { LabError } from './lab-error.js';
import { median, type PingStream } from './ping.js';
import { type Site, sites } from './topology.js';

/** What came of two agents that were to bridge their NATs; times in milliseconds. */
export interface CrossingReport {
  readonly strategy: string;
  readonly kind: 'direct' | 'relayed';
  /** Addresses of the path, as each end names its own and the other's. */
  readonly ends: Readonly<Record<Site, { readonly local: string; readonly remote: string }>>;
  /** From the session's first sight at either end to the bridge at both. */
  readonly sessionToBridge: number;
  /** Round trip over the overlay before the bridge and through it after; undefined when no ping fell into that time. */
  readonly pingBefore: number | undefined;
  readonly pingAfter: number | undefined;
  readonly pingsLost: number;
}

/** No bridge came up: the reasons are what the agents gave. */
export class CrossingError extends LabError {
  constructor(
    message: string,
    readonly failures: readonly (Failure & { readonly site: Site; readonly strategy?: string })[],
  ) {
    super(message);
  }
}

export type CrossingOptions = LabOptions & { readonly agent?: AgentOptions };

/** Two agents in a laboratory, from before their routers have a session to after their clean end. */
export class Crossing {
  private constructor(
    readonly lab: Lab,
    readonly agents: Readonly<Record<Site, AgentProcess>>,
  ) {}

  /** Resolves when both agents have their routers. No traffic has passed between the two yet, so there is no session. */
  static async prepare(options: CrossingOptions): Promise<Crossing> {
    const lab = await Lab.create(options);
    try {
      const agents = { a: lab.a.agent(options.agent), b: lab.b.agent(options.agent) };
      await Promise.all(sites.map((site) => agents[site].event('router.connected', { timeoutMs: 20_000 })));
      await lab.settled();
      return new Crossing(lab, agents);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /**
   * Sends the traffic that makes the session, and waits for the bridge.
   * @param settleMs traffic goes on for so long after the bridge, to see what it meets then
   * @throws CrossingError when there is none in time
   */
  async run({ timeoutMs = 60_000, settleMs = 3000 } = {}): Promise<CrossingReport> {
    const ping = this.lab.a.pingStream(this.lab.b.router.address, { intervalMs: 100 });
    try {
      const [a, b] = await Promise.all(sites.map((site) => this.bridge(site, timeoutMs)));
      if (a === undefined || b === undefined) throw new LabError('unreachable');
      await delay(settleMs);
      return this.report(ping, { a, b });
    } finally {
      await ping.stop();
    }
  }

  /** Sends the traffic that makes the session, and waits for the agent of a to have tried everything in vain; it must be controlling. */
  async exhausted({ timeoutMs = 30_000 } = {}): Promise<AgentLine<'ladder.exhausted'>> {
    const ping = this.lab.a.pingStream(this.lab.b.router.address, { intervalMs: 100 });
    try {
      return await this.agents.a.event('ladder.exhausted', { timeoutMs });
    } finally {
      await ping.stop();
    }
  }

  /** Ends both agents. @returns what they left behind, one sentence each; empty when all is as it was */
  async end(): Promise<readonly string[]> {
    const found = await Promise.all(
      sites.map(async (site) => {
        const exit = await this.agents[site].terminate();
        const bad =
          exit.code === 0
            ? []
            : [`the agent of ${site} ended with ${exit.signal ?? `code ${exit.code}`}:\n${this.agents[site].tail()}`];
        const peers = (await this.agents[site].bridges()).map((uri) => `the router of ${site} still has the peer ${uri}`);
        const files = this.agents[site].runtimeFiles().map((file) => `${file} is left in the runtime folder of ${site}`);
        return [...bad, ...peers, ...files];
      }),
    );
    return found.flat();
  }

  close(): Promise<void> {
    return this.lab.close();
  }

  private async bridge(site: Site, timeoutMs: number): Promise<AgentLine<'bridge.up'>> {
    try {
      return await this.agents[site].event('bridge.up', { timeoutMs });
    } catch (error) {
      const failures = sites.flatMap((each) => failuresOf(this.agents[each]).map((failure) => ({ site: each, ...failure })));
      throw new CrossingError((error as Error).message, failures);
    }
  }

  private report(ping: PingStream, bridges: Readonly<Record<Site, AgentLine<'bridge.up'>>>): CrossingReport {
    const { a, b } = bridges;
    // A better path may have come since.
    const [lastA, lastB] = [lastBridge(this.agents.a) ?? a, lastBridge(this.agents.b) ?? b];
    const up = Math.max(a.time, b.time);
    const seen = sites.flatMap((site) => this.agents[site].events.find(({ event }) => event === 'session.seen')?.time ?? []);
    // A second is more than routers take to move traffic to a new link. The first reply waited for the path to be found.
    const before = ping.replies.filter(({ time }, index) => index > 0 && time < Math.min(a.time, b.time));
    const after = ping.replies.filter(({ time }) => time > Math.max(lastA.time, lastB.time) + 1000);
    return {
      strategy: lastA.strategy,
      kind: lastA.kind,
      ends: { a: { local: lastA.local, remote: lastA.remote }, b: { local: lastB.local, remote: lastB.remote } },
      sessionToBridge: up - Math.min(...seen),
      pingBefore: median(before.map(({ rttMs }) => rttMs)) ?? a.overlayRttMs,
      pingAfter: median(after.map(({ rttMs }) => rttMs)),
      pingsLost: ping.lost,
    };
  }
}

function lastBridge(agent: AgentProcess): AgentLine<'bridge.up'> | undefined {
  return agent.events.filter((line) => line.event === 'bridge.up').at(-1);
}

/** What an agent gave as reasons, each once, the latest last. */
function failuresOf(agent: AgentProcess): readonly (Failure & { strategy?: string })[] {
  const failures = new Map<string, Failure & { strategy?: string }>();
  for (const line of agent.events) {
    if (!('code' in line)) continue;
    const { code, message, help } = line;
    const strategy = 'strategy' in line ? { strategy: line.strategy } : {};
    const key = `${strategy.strategy} ${code}`;
    failures.delete(key);
    failures.set(key, { ...strategy, code, message, ...(help === undefined ? {} : { help }) });
  }
  return [...failures.values()];
}
