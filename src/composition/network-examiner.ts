import type { NetworkReport } from '../control/observation-schemas.js';
import { schemaVersion } from '../control/schemas.js';
import { describeError } from '../core/errors.js';
import { probeStrategy } from '../core/probe-strategy.js';
import type { Strategy, StrategyServices } from '../core/strategy.js';
import { examineNat } from '../discovery/nat-behaviour/examine-nat.js';

/** How long a report is repeated instead of made anew, in milliseconds. */
const freshMs = 5 * 60_000;

/** Looks at the network in front of this machine when it is asked to, and not often. Its signal ends what is under way. */
export class NetworkExaminer {
  private last: { readonly at: number; readonly report: Promise<NetworkReport> } | undefined;

  constructor(
    private readonly services: StrategyServices,
    private readonly strategies: readonly Strategy[],
    private readonly signal: AbortSignal,
  ) {}

  report(): Promise<NetworkReport> {
    const now = this.services.clock.now();
    if (!this.last || now - this.last.at > freshMs) this.last = { at: now, report: this.examine() };
    return this.last.report;
  }

  /** What was found counts no more: the machine is somewhere else. */
  forget(): void {
    this.last = undefined;
  }

  private async examine(): Promise<NetworkReport> {
    const { clock } = this.services;
    const examinedAt = new Date(clock.wallTime()).toISOString();
    const [found, strategies] = await Promise.all([
      this.examineNat(),
      Promise.all(this.strategies.map((each) => this.probe(each))),
    ]);
    return { schemaVersion, examinedAt, ...found, strategies };
  }

  private async examineNat(): Promise<Pick<NetworkReport, 'nat' | 'failure'>> {
    const { net, clock, random, addresses } = this.services;
    const servers = [...addresses.stunServers, ...(addresses.stunPeers ?? [])];
    try {
      const { behaviour, failures } = await examineNat({ net, clock, random, servers, family: 4, signal: this.signal });
      const { lifetime: _, ...nat } = behaviour;
      const [first] = failures;
      if (nat.translated !== 'unknown') return { nat: { ...nat, doubtful: [...nat.doubtful] }, failure: null };
      return { nat: null, failure: first ? { code: first.code, message: `${first.server}: ${first.message}` } : null };
    } catch (error) {
      return { nat: null, failure: describeError(error) };
    }
  }

  private async probe(strategy: Strategy): Promise<NetworkReport['strategies'][number]> {
    const { usable, reason } = await probeStrategy(strategy, this.services.clock, this.signal);
    return { name: strategy.name, usable, reason: reason ?? null };
  }
}
