import { z } from 'zod';
import type { Config } from '../../core/config/schema.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import {
  type AttemptContext,
  defineStrategy,
  type Path,
  type Probe,
  type Role,
  type Strategy,
  type StrategyDefinition,
  type StrategyServices,
} from '../../core/strategy.js';
import { Inbox } from './inbox.js';
import { maxRelays, type RelayMessageOf } from './messages.js';
import { mayBeRelay } from './peer-address.js';
import type { Relay, RelayAddress, RelayFailure, RelaySource } from './relay-source.js';
import { chooseSteps, type Step } from './route-choice.js';
import { connectStep, openStep } from './step.js';
import { type Survey, surveyRelay } from './survey.js';
import { TurnRelays } from './turn-relays.js';
import { InvitedRelays } from './volunteer/invited-relays.js';
import { RelayClient } from './volunteer/relay-client.js';
import { VolunteerRelays } from './volunteer/volunteer-relays.js';

/** The settings of the moment. */
type ReadRelaySettings = () => Pick<Config['relay'], 'use' | 'turn' | 'servers'>;

const name = 'relay';
/** How long the peer may take to look at relays, in milliseconds. */
const surveyDeadlineMs = 8000;
/** Relays that this end looks at, its operator's first. */
const maxSurveyed = 12;

/**
 * The last resort: one end opens a place at a relay and the other connects to it, over TCP where the relay can, else over UDP.
 * Works through every NAT, and where UDP is blocked too. The settings hold secrets, so they are handed to this strategy alone.
 */
export function relay(settings: ReadRelaySettings): StrategyDefinition {
  return defineStrategy<unknown>({
    name,
    apiVersion: 1,
    options: z.strictObject({}),
    create: (_, services) => {
      const client = new RelayClient(services);
      const turn = new TurnRelays(services, () => settings().turn, services.log);
      const { volunteers } = services;
      const named = [new InvitedRelays(services.net, () => settings().servers, client), turn];
      const sources = volunteers ? [...named, new VolunteerRelays(volunteers, client)] : named;
      return new RelayStrategy(services, settings, sources, client);
    },
  });
}

/** Our relays with what we found out about them, and what the peer says about them and its own. */
interface Findings {
  readonly relays: readonly Relay[];
  readonly failures: readonly RelayFailure[];
  readonly offer: RelayMessageOf<'offer'>;
  readonly peerOffer: RelayMessageOf<'offer'>;
  readonly reach: RelayMessageOf<'reach'>;
  readonly peerReach: RelayMessageOf<'reach'>;
}

export class RelayStrategy implements Strategy {
  readonly name = name;
  /** Places that are being given back. */
  private readonly closing = new Set<Promise<void>>();

  constructor(
    private readonly services: StrategyServices,
    private readonly settings: ReadRelaySettings,
    private readonly sources: readonly RelaySource[],
    private readonly client = new RelayClient(services),
  ) {}

  async probe(): Promise<Probe> {
    const { use, turn, servers } = this.settings();
    if (use === 'never') return { usable: 'no', reason: 'relay.use is never.' };
    if (turn.length > 0 || servers.length > 0 || this.services.volunteers?.known().length) return { usable: 'unknown' };
    return { usable: 'unknown', reason: 'No relay is named here and no linked agent relays; the peer may have one.' };
  }

  async attempt(context: AttemptContext): Promise<Path> {
    if (this.settings().use === 'never') {
      throw new StrategyError('RELAY_DISABLED', 'Relays are switched off with relay.use.');
    }
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    try {
      const inbox = new Inbox(context.channel);
      const findings = await this.findOut(context, inbox, signal);
      const steps = await this.agree(context, inbox, findings, signal);
      return await this.climb(steps, context, inbox, findings, signal);
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
    }
  }

  /** Resolves when everything that was allocated is given back. */
  async close(): Promise<void> {
    this.client.close();
    await Promise.all(this.closing);
  }

  private async findOut({ channel, peer }: AttemptContext, inbox: Inbox, signal: AbortSignal): Promise<Findings> {
    const { services } = this;
    const sources = await Promise.all(this.sources.map((source) => source.relays(peer, signal)));
    const all = sources.flatMap(({ found }) => found).slice(0, maxSurveyed);
    const surveys = await Promise.all(all.map((one) => this.survey(one, signal)));
    const reached = all
      .flatMap((one, at) => {
        const survey = surveys[at];
        return survey && 'rttMs' in survey ? [{ relay: one, survey }] : [];
      })
      // Each end shows its nearest; the whole path decides between them.
      .sort((a, b) => a.survey.rttMs - b.survey.rttMs)
      .slice(0, maxRelays);
    const failures = [...sources.flatMap(({ failures: own }) => own), ...surveys.flatMap((one) => ('error' in one ? [one] : []))];
    for (const failure of failures) services.log.warn('relay.unusable', { relay: failure.name, ...describeError(failure.error) });
    const offer = {
      type: 'offer',
      relays: reached.map(({ relay: { address }, survey }) => ({ ...address, rttMs: survey.rttMs })),
    } as const;
    await channel.send(offer);
    const peerOffer = await this.expect(inbox.take('offer'), signal);
    const own = all.map(({ address }) => address.address);
    const reach = {
      type: 'reach',
      relays: (
        await Promise.all(
          peerOffer.relays.map(async (address, index) => {
            if (!mayBeRelay(address.address, own)) return [];
            const known = reached.find((one) => sameAddress(one.relay.address, address))?.survey;
            const survey = known ?? (await surveyRelay(services, address, signal).catch(() => undefined));
            return survey ? [{ index, rttMs: survey.rttMs, seen: [...survey.seen] }] : [];
          }),
        )
      ).flat(),
    } as const;
    signal.throwIfAborted();
    await channel.send(reach);
    const peerReach = await this.expect(inbox.take('reach'), signal);
    return { relays: reached.map((one) => one.relay), failures, offer, peerOffer, reach, peerReach };
  }

  private async survey(one: Relay, signal: AbortSignal): Promise<Survey | RelayFailure> {
    return surveyRelay(this.services, one.address, signal).catch((error: unknown) => ({ name: one.name, error }));
  }

  /** The controlling end decides which relays are tried, and in which order. */
  private async agree(
    { role, channel }: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<readonly Step[]> {
    const own = found.offer.relays.map(({ rttMs }) => rttMs);
    const peers = found.peerOffer.relays.map(({ rttMs }) => rttMs);
    const at = (reach: Findings['reach'], index: number) => reach.relays.find((one) => one.index === index)?.rttMs;
    let steps: readonly Step[];
    if (role === 'controlling') {
      steps = chooseSteps({
        controlling: { own, other: own.map((_, index) => at(found.peerReach, index)) },
        controlled: { own: peers, other: peers.map((_, index) => at(found.reach, index)) },
      });
      await channel.send({ type: 'choice', steps });
    } else {
      steps = (await this.expect(inbox.take('choice'), signal)).steps;
    }
    if (steps.length > 0) return steps;
    const reasons = found.failures.map(({ name: which, error }) => `${which}: ${describeError(error).message}`);
    const named = own.length + peers.length;
    const why = named > 0 ? ['no relay is reached by both ends'] : reasons.length > 0 ? reasons : ['none is named at either end'];
    throw new StrategyError('RELAY_NONE', `There is no relay: ${why.join(' ').replace(/\.$/, '')}.`);
  }

  /** One relay after the other until a path is proven. */
  private async climb(
    steps: readonly Step[],
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const failures: StrategyError[] = [];
    for (const [number, { opener, index }] of steps.entries()) {
      try {
        return await this.take(number, opener, index, context, inbox, found, signal);
      } catch (error) {
        signal.throwIfAborted();
        const failure =
          error instanceof StrategyError ? error : new StrategyError('STRATEGY_FAILED', describeError(error).message);
        this.services.log.debug('relay.failed', { step: number, opener, ...describeError(failure) });
        failures.push(failure);
      }
    }
    const first = failures.find(({ code }) => code !== 'PEER_ENDED') ?? failures[0];
    const told = [...new Set(failures.map(({ message }) => message))].join(' ');
    throw new StrategyError(first?.code ?? 'RELAY_NONE', told, { cause: first });
  }

  private take(
    step: number,
    opener: Role,
    index: number,
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const released = (done: Promise<void>) => this.track(done);
    const shared = { step, context, inbox, services: this.services, signal, released };
    if (opener === context.role) {
      const one = found.relays[index];
      const peers = found.peerReach.relays.find((reach) => reach.index === index)?.seen;
      if (!one || !peers) throw new StrategyError('RELAY_MESSAGE_INVALID', 'The peer chose a relay that was not offered.');
      return openStep({ ...shared, relay: one, peers });
    }
    const server = found.peerOffer.relays[index];
    if (!server) throw new StrategyError('RELAY_MESSAGE_INVALID', 'The peer chose a relay that was not offered.');
    // One that is itself reached over UDP is no help where UDP does not pass.
    const own = found.relays.find(({ address, approach }) => approach && address.transport !== 'udp');
    return connectStep({ ...shared, server, own, client: this.client });
  }

  private track(done: Promise<void>): void {
    this.closing.add(done);
    void done.finally(() => this.closing.delete(done));
  }

  private expect<T>(message: Promise<T>, signal: AbortSignal): Promise<T> {
    return withDeadline(message, {
      clock: this.services.clock,
      timeoutMs: surveyDeadlineMs,
      signal,
      expired: () => new StrategyError('RELAY_TIMEOUT', `The peer said nothing about relays for ${surveyDeadlineMs / 1000} s.`),
    });
  }
}

function sameAddress(a: RelayAddress, b: RelayAddress): boolean {
  return a.address === b.address && a.port === b.port && a.transport === b.transport;
}
