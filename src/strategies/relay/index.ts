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
import { formatEndpoint } from '../../discovery/candidates.js';
import { CarryingRoutes } from './carrying-routes.js';
import { Inbox } from './inbox.js';
import { maxRelays, type RelayMessageOf } from './messages.js';
import { mayBeRelay } from './peer-address.js';
import type { Relay, RelayAddress, RelayFailure, RelaySource } from './relay-source.js';
import { chooseRoutes, type RelayLists, type RelayUse, type Route, type Step, worthMoving } from './route-choice.js';
import { type Leg, splitStep } from './split-step.js';
import { connectStep, openStep } from './step.js';
import { surveyAll, surveyRelay } from './survey.js';
import { TurnRelays } from './turn-relays.js';
import { InvitedRelays } from './volunteer/invited-relays.js';
import { RelayClient } from './volunteer/relay-client.js';
import { VolunteerRelays } from './volunteer/volunteer-relays.js';

/** The settings of the moment. */
type ReadRelaySettings = () => Pick<Config['relay'], 'use' | 'order' | 'turn' | 'servers'>;

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

/** A step to try; the controlling end knows what it is called. */
type Chosen = Pick<Route, 'step'> & Partial<Pick<Route, 'name'>>;

export class RelayStrategy implements Strategy {
  readonly name = name;
  readonly reroutes = true;
  /** Places that are being given back. */
  private readonly closing = new Set<Promise<void>>();
  private readonly carrying = new CarryingRoutes();

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
      const routes = await this.agree(context, inbox, findings, signal);
      return await this.climb(routes, context, inbox, findings, signal);
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
    const surveys = await surveyAll(services, all, signal);
    const reached = all
      .flatMap((one, at) => {
        const survey = surveys[at];
        return survey && 'rttMs' in survey ? [{ relay: one, survey }] : [];
      })
      // Each end shows its nearest; the whole path decides between them.
      .sort((a, b) => (this.settings().order === 'measured' ? a.survey.rttMs - b.survey.rttMs : 0))
      .slice(0, maxRelays);
    const failures = [...sources.flatMap(({ failures: own }) => own), ...surveys.flatMap((one) => ('error' in one ? [one] : []))];
    for (const failure of failures) services.log.warn('relay.unusable', { relay: failure.name, ...describeError(failure.error) });
    const offer = {
      type: 'offer',
      relays: reached.map(({ relay: { address }, survey: { rttMs, oneWay } }) => ({ ...address, rttMs, oneWay })),
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
            return survey ? [{ index, rttMs: survey.rttMs, oneWay: survey.oneWay, seen: [...survey.seen] }] : [];
          }),
        )
      ).flat(),
    } as const;
    signal.throwIfAborted();
    await channel.send(reach);
    const peerReach = await this.expect(inbox.take('reach'), signal);
    return { relays: reached.map((one) => one.relay), failures, offer, peerOffer, reach, peerReach };
  }

  /**
   * The controlling end decides which relays are tried, and in which order.
   * @throws StrategyError RELAY_ROUTE_KEPT when there is a path to this peer already that none is clearly shorter than
   */
  private async agree(
    { role, channel, peer }: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<readonly Chosen[]> {
    let routes: readonly Chosen[];
    if (role === 'controlling') {
      const { order } = this.settings();
      const lists = listsOf(found);
      const chosen = chooseRoutes(lists, order);
      const current = this.carrying.of(peer.key);
      if (current !== undefined && !worthMoving(lists, order, chosen, current)) {
        throw new StrategyError('RELAY_ROUTE_KEPT', `No way is clearly shorter than the one over ${current}.`);
      }
      routes = chosen;
      await channel.send({ type: 'choice', steps: chosen.map(({ step }) => step) });
    } else {
      routes = (await this.expect(inbox.take('choice'), signal)).steps.map((step) => ({ step }));
    }
    if (routes.length > 0) return routes;
    const reasons = found.failures.map(({ name: which, error }) => `${which}: ${describeError(error).message}`);
    const named = found.offer.relays.length + found.peerOffer.relays.length;
    const why = named > 0 ? ['no relay is reached by both ends'] : reasons.length > 0 ? reasons : ['none is named at either end'];
    throw new StrategyError('RELAY_NONE', `There is no relay: ${why.join(' ').replace(/\.$/, '')}.`);
  }

  /** One relay after the other until a path is proven. */
  private async climb(
    routes: readonly Chosen[],
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const failures: StrategyError[] = [];
    for (const [number, { step, name: route }] of routes.entries()) {
      try {
        const path = await this.take(number, step, context, inbox, found, signal);
        if (route !== undefined) this.carrying.add(context.peer.key, route, path);
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
    { back, ...use }: Step,
    context: AttemptContext,
    inbox: Inbox,
    found: Findings,
    signal: AbortSignal,
  ): Promise<Path> {
    const released = (done: Promise<void>) => this.track(done);
    const { client, services } = this;
    const shared = { step: number, context, inbox, services, signal, released };
    const leg = legOf(use, context.role, found);
    if (back) return splitStep({ ...shared, out: leg, back: legOf(back, context.role, found), client });
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

function sameAddress(a: RelayAddress, b: RelayAddress): boolean {
  return a.address === b.address && a.port === b.port && a.transport === b.transport;
}

/** At the controlling end: what both ends measured. */
function listsOf({ offer, peerOffer, reach, peerReach }: Findings): RelayLists {
  const list = (offered: Findings['offer'], reached: Findings['reach']) =>
    offered.relays.map((own, index) => ({
      name: formatEndpoint(own),
      own,
      other: reached.relays.find((one) => one.index === index),
    }));
  return { controlling: list(offer, peerReach), controlled: list(peerOffer, reach) };
}

/** This end's part at a relay. @throws StrategyError RELAY_MESSAGE_INVALID */
function legOf({ opener, index }: RelayUse, role: Role, found: Findings): Leg {
  const invalid = () => new StrategyError('RELAY_MESSAGE_INVALID', 'The peer chose a relay that was not offered.');
  if (opener !== role) {
    const server = found.peerOffer.relays[index];
    if (!server) throw invalid();
    return { server, name: formatEndpoint(server) };
  }
  const relay = found.relays[index];
  const peers = found.peerReach.relays.find((reach) => reach.index === index)?.seen;
  if (!relay || !peers) throw invalid();
  return { relay, name: relay.name, peers };
}
