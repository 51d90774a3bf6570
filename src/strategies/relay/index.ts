import { z } from 'zod';
import type { Config } from '../../core/config/schema.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { EventSource } from '../../core/events.js';
import {
  type AttemptContext,
  defineStrategy,
  type Path,
  type Probe,
  type Strategy,
  type StrategyDefinition,
  type StrategyServices,
} from '../../core/strategy.js';
import { RelayClient } from '../../relay/client.js';
import { CarryingRoutes } from './carrying-routes.js';
import { reportOf } from './coordinator/report.js';
import { RouteAdvice } from './coordinator/route-advice.js';
import { decideRoutes } from './decide-routes.js';
import { type Findings, linksOf, listedName, sameAddress } from './findings.js';
import { Inbox } from './inbox.js';
import { maxRelays } from './messages.js';
import { mayBeRelay } from './peer-address.js';
import type { Relay, RelayAddress, RelayFailure, RelaySource } from './relay-source.js';
import { RememberedSurveys } from './remembered-surveys.js';
import { describeRoute, type Step } from './route-choice.js';
import { stepOverSeveral } from './several-relays.js';
import { connectStep, openStep } from './step.js';
import { isOverSeveral, legOf, namesOf, relayOf } from './step-parts.js';
import { type Survey, surveyAll, surveyRelay } from './survey.js';
import { rankIn, type ToldWay } from './told-routes.js';
import { TurnRelays } from './turn-relays.js';
import { InvitedRelays } from './volunteer/invited-relays.js';
import { VolunteerRelays } from './volunteer/volunteer-relays.js';

/** The settings of the moment. */
type ReadRelaySettings = () => Pick<Config['relay'], 'use' | 'routes' | 'turn' | 'servers'>;

const name = 'relay';
/** How long the peer may take to look at relays, in milliseconds. */
const surveyDeadlineMs = 8000;
/** Relays that this end looks at, its operator's first. */
const maxSurveyed = 12;

/**
 * The last resort: one end opens a place at a relay and the other connects to it, over TCP where the relay can, else over UDP.
 * Works through every NAT, and where UDP is blocked too. The settings hold secrets, so they are handed to this strategy alone.
 * @param news is told who chooses the routes
 */
export function relay(settings: ReadRelaySettings, news: Pick<EventSource, 'publish'> = silence): StrategyDefinition {
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
      return new RelayStrategy(services, settings, sources, client, news);
    },
  });
}

const silence = { publish() {} };

export class RelayStrategy implements Strategy {
  readonly name = name;
  readonly reroutes = true;
  /** Places that are being given back. */
  private readonly closing = new Set<Promise<void>>();
  private readonly carrying: CarryingRoutes;
  private readonly surveys: RememberedSurveys;
  private readonly advice: RouteAdvice;

  constructor(
    private readonly services: StrategyServices,
    private readonly settings: ReadRelaySettings,
    private readonly sources: readonly RelaySource[],
    private readonly client = new RelayClient(services),
    news: Pick<EventSource, 'publish'> = silence,
  ) {
    this.advice = new RouteAdvice(services, () => settings().routes, news);
    this.carrying = new CarryingRoutes(services.clock);
    this.surveys = new RememberedSurveys(services.clock);
    client.onLost = (relay) => this.surveys.set(relay, undefined);
  }

  async start(): Promise<void> {
    if (this.settings().use !== 'never') this.advice.apply();
  }

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
      this.advice.apply();
      const nextHops = await this.advice.nextHops(context.peer, signal);
      const inbox = new Inbox(context.channel);
      const findings = await this.findOut(context, inbox, nextHops, signal);
      const routes = await this.agree(context, inbox, findings, signal);
      return await this.climb(routes, context, inbox, findings, signal);
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
    }
  }

  /** Resolves when everything that was allocated is given back. */
  async close(): Promise<void> {
    this.advice.close();
    this.client.close();
    await Promise.all(this.closing);
  }

  /** @param over ways by which alone this end is to send; undefined: any */
  private async findOut(
    { channel, peer, role }: AttemptContext,
    inbox: Inbox,
    over: readonly ToldWay[] | undefined,
    signal: AbortSignal,
  ): Promise<Findings> {
    const { services } = this;
    const sources = await Promise.all(this.sources.map((source) => source.relays(peer, signal)));
    const all = sources.flatMap(({ found }) => found).slice(0, maxSurveyed);
    const soon = this.carrying.justLost(peer.key);
    const surveys = await this.survey(all, soon, signal);
    const rankOf = ({ address }: Relay) => rankIn(over ?? [], address);
    const reached = all
      .flatMap((one, at) => {
        const survey = surveys[at];
        return survey && 'rttMs' in survey ? [{ relay: one, survey }] : [];
      })
      // Each end shows those that it must go by, then its nearest; the whole path decides between them.
      .sort((a, b) => rankOf(a.relay) - rankOf(b.relay) || a.survey.rttMs - b.survey.rttMs)
      .slice(0, maxRelays);
    const failures = [
      ...sources.flatMap(({ failures: own }) => own),
      ...surveys.flatMap((one) => (one && 'error' in one ? [one] : [])),
    ];
    for (const failure of failures) services.log.warn('relay.unusable', { relay: failure.name, ...describeError(failure.error) });
    const offer = {
      type: 'offer',
      relays: reached.map(({ relay: { address }, survey: { rttMs, oneWay } }) => ({ ...address, rttMs, oneWay })),
      // A new path does not wait for it.
      between: role === 'controlling' && this.carrying.of(peer.key) !== undefined,
    } as const;
    await channel.send(offer);
    const peerOffer = await this.expect(inbox.take('offer'), signal);
    const own = all.map(({ address }) => address.address);
    const relays = reached.map((one) => one.relay);
    const wanted = offer.between || peerOffer.between === true;
    const [links, reaches] = await Promise.all([
      wanted ? linksOf({ relays, offer, peerOffer, role }, signal) : [],
      Promise.all(
        peerOffer.relays.map(async (address, index) => {
          if (!mayBeRelay(address.address, own)) return [];
          const known = reached.find((one) => sameAddress(one.relay.address, address))?.survey;
          const survey = known ?? (await this.surveyOffered(address, soon, signal));
          return survey ? [{ index, rttMs: survey.rttMs, oneWay: survey.oneWay, seen: [...survey.seen] }] : [];
        }),
      ),
    ]);
    const named = over && { over: over.map((way) => [...way]) };
    const reach = { type: 'reach' as const, relays: reaches.flat(), links, ...named };
    signal.throwIfAborted();
    // Whoever has the answer knows that the coordinator has the report.
    await this.advice.report(reportOf({ offer, peerOffer, reach }, role), signal);
    await channel.send(reach);
    const peerReach = await this.expect(inbox.take('reach'), signal);
    return { relays, failures, offer, peerOffer, reach, peerReach };
  }

  /** What relays are like. @param soon as far as that is remembered: a path has just been lost, and the next is needed at once */
  private async survey(
    relays: readonly Relay[],
    soon: boolean,
    signal: AbortSignal,
  ): Promise<readonly (Survey | RelayFailure | undefined)[]> {
    const remembered = relays.map(({ address }) => this.surveys.of(listedName(address)));
    if (soon && remembered.some((one) => one !== undefined)) return remembered;
    const surveys = await surveyAll(this.services, relays, signal);
    for (const [at, { address }] of relays.entries()) {
      const survey = surveys[at];
      this.surveys.set(listedName(address), survey && 'rttMs' in survey ? survey : undefined);
    }
    return surveys;
  }

  /** What a relay that the peer named is like; undefined where it cannot be used. @param soon as in {@link survey} */
  private async surveyOffered(address: RelayAddress, soon: boolean, signal: AbortSignal): Promise<Survey | undefined> {
    const relay = listedName(address);
    const remembered = this.surveys.of(relay);
    if (soon && (remembered || this.surveys.isGone(relay))) return remembered;
    const survey = await surveyRelay(this.services, address, signal).catch(() => undefined);
    this.surveys.set(relay, survey);
    return survey;
  }

  /**
   * The controlling end decides which relays are tried, and in which order.
   * @throws StrategyError as {@link decideRoutes}, and RELAY_NONE
   */
  private async agree(
    { role, channel, peer }: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<readonly Step[]> {
    let steps: readonly Step[];
    if (role === 'controlling') {
      const routes = await decideRoutes(found, {
        current: this.carrying.of(peer.key),
        askCoordinator: () => this.advice.ask(peer.key, signal),
      });
      steps = routes.map(({ step }) => step);
      await channel.send({ type: 'choice', steps });
    } else {
      steps = (await this.expect(inbox.take('choice'), signal)).steps;
    }
    if (steps.length > 0) return steps;
    const reasons = found.failures.map(({ name: which, error }) => `${which}: ${describeError(error).message}`);
    const named = found.offer.relays.length + found.peerOffer.relays.length;
    const why = named > 0 ? ['no relay is reached by both ends'] : reasons.length > 0 ? reasons : ['none is named at either end'];
    throw new StrategyError('RELAY_NONE', `There is no relay: ${why.join(' ').replace(/\.$/, '')}.`);
  }

  /** One step after the other until a path is proven. */
  private async climb(
    steps: readonly Step[],
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const failures: StrategyError[] = [];
    for (const [number, step] of steps.entries()) {
      try {
        const path = await this.take(number, step, context, inbox, found, signal);
        const names = namesOf(step, (use) => relayOf(use, context.role, found).listed);
        this.carrying.add(context.peer.key, names, path);
        // Only its own client can tell which of several relays is gone, and of one of another kind nobody.
        const [only] = new Set([...names.out, ...names.back]);
        if (!isOverSeveral(step) && only !== undefined) path.once('close', () => this.surveys.set(only, undefined));
        return path;
      } catch (error) {
        signal.throwIfAborted();
        const failure =
          error instanceof StrategyError ? error : new StrategyError('STRATEGY_FAILED', describeError(error).message);
        this.services.log.debug('relay.failed', { step: number, opener: step.opener, ...describeError(failure) });
        failures.push(failure);
      }
    }
    const first = failures.find(({ code }) => code !== 'PEER_ENDED') ?? failures[0];
    const told = [...new Set(failures.map(({ message }) => message))].join(' ');
    throw new StrategyError(first?.code ?? 'RELAY_NONE', told, { cause: first });
  }

  private take(
    number: number,
    step: Step,
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const released = (done: Promise<void>) => this.track(done);
    const { client, services } = this;
    const { role } = context;
    const shared = { step: number, context, inbox, services, signal, released };
    const leg = legOf(step, role, found);
    if (isOverSeveral(step)) {
      const { out, back } = namesOf(step, (use) => relayOf(use, role, found).name);
      const route = describeRoute(role === 'controlling' ? { out, back } : { out: back, back: out });
      return stepOverSeveral({ ...shared, out: leg, back: step.back && legOf(step.back, role, found), route, client });
    }
    if ('relay' in leg) return openStep({ ...shared, ...leg });
    // One that is itself reached over UDP is no help where UDP does not pass.
    const own = found.relays.find(({ address, approach }) => approach && address.transport !== 'udp');
    return connectStep({ ...shared, server: leg.server, own, client });
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
