import { sleep } from '../../core/clock.js';
import type { AddressBook, StrategyServices } from '../../core/strategy.js';
import { type Candidate, candidateSchema, distinct, hostCandidates, reflexiveCandidate } from '../../discovery/candidates.js';
import { dynamicPort } from '../../discovery/listening-port.js';
import type { PortSample } from '../../discovery/nat-behaviour/port-allocation.js';
import type { DisagreementWarning } from '../../discovery/stun/disagreement.js';
import { discoverExternalAddress, type ExternalAddress } from '../../discovery/stun/external-address.js';
import type { NatFinding } from './messages.js';
import { predictPorts } from './nat-finding.js';

/** Other local ports that are asked about: with the punching port's own answer, enough for a sequence. */
const probePorts = 2;
/** How long after the punching port's answer theirs are waited for, in milliseconds. */
const probeGraceMs = 300;

export interface OwnCandidates {
  readonly candidates: Candidate[];
  readonly nat: NatFinding;
  /** Closes the STUN connections of the punching port: while they are open, the NAT keeps its mapping. */
  close(): void;
}

export interface GatherOptions {
  readonly services: StrategyServices;
  readonly disagreement: DisagreementWarning;
  /** The local port to punch from. */
  readonly port: number;
  readonly signal: AbortSignal;
}

/** This end's candidates and what its NAT does, from what STUN servers see over TCP. @throws only the signal's reason */
export async function gatherCandidates({ services, disagreement, port, signal }: GatherOptions): Promise<OwnCandidates> {
  const { net, addresses, log } = services;
  const { stunServers, stunPeers = [] } = addresses;
  const everyone = [...stunServers, ...stunPeers];
  const [first = ''] = everyone;
  // The punching port asks first: a NAT that counts shows its next port by what it gave last.
  const asking = ask(services, port, addresses, signal);
  const probing = sampleOtherPorts(services, first, signal);
  let external: ExternalAddress | undefined;
  try {
    external = await asking;
    probing.hurry();
    let probes = await probing.samples;
    const answering = external.observations[0]?.server;
    if (probes.length === 0 && answering !== undefined && answering !== first) {
      // The first is not one that answers.
      const again = sampleOtherPorts(services, answering, signal);
      again.hurry();
      probes = await again.samples;
    }
    signal.throwIfAborted();
    if (external.agreement === 'disagree') disagreement.give(external.observations);
    for (const failure of external.failures) log.debug('stun.failed', { ...failure });
    const order = ({ server }: { server: string }) => everyone.indexOf(server);
    const observations = [...external.observations].sort((one, other) => order(one) - order(other));
    const { finding, next } = predictPorts({
      punching: observations.map(({ mapped }) => ({ local: port, external: mapped.port })),
      agreement: external.agreement,
      probes,
    });
    const address = external.mapped?.address;
    const predicted = address === undefined ? [] : next.map((each) => reflexiveCandidate({ address, port: each }));
    const mapped = observations.map((observation) => reflexiveCandidate(observation.mapped));
    // The next ports come before those that are taken: where the peer's NAT counts too, each of ours that it tries moves its own next
    // port, and both ends' lists must go in step.
    const candidates = distinct([...hostCandidates(net.interfaces(), port), ...predicted, ...mapped]);
    const { close } = external;
    return {
      // A NAT may take a port that no peer would try.
      candidates: candidates.filter((each) => candidateSchema.safeParse(each).success),
      nat: { ...finding, canProbe: net.capabilities.sharedPort },
      close,
    };
  } catch (error) {
    external?.close();
    throw error;
  }
}

interface Sampling {
  /** In the order of the questions. Never rejects. */
  readonly samples: Promise<PortSample[]>;
  /** Sets a term to answers that are still out. */
  hurry(): void;
}

/** Asks one server how it sees a few other local ports, each of which is given up again. */
function sampleOtherPorts(services: StrategyServices, server: string, signal: AbortSignal): Sampling {
  const { clock, random } = services;
  const over = new AbortController();
  const limit = AbortSignal.any([signal, over.signal]);
  const samples = Promise.all(
    Array.from({ length: probePorts }, async (): Promise<PortSample[]> => {
      const local = dynamicPort(random.fraction());
      try {
        const { mapped, close } = await ask(services, local, { stunServers: [server] }, limit);
        close();
        return mapped ? [{ local, external: mapped.port }] : [];
      } catch {
        // Late, or the attempt is over, which the punching port's own search tells.
        return [];
      }
    }),
  ).finally(() => over.abort());
  return {
    samples: samples.then((found) => found.flat()),
    hurry: () =>
      void sleep(clock, probeGraceMs, limit).then(
        () => over.abort(),
        () => {},
      ),
  };
}

function ask({ net, clock, random }: StrategyServices, port: number, among: AddressBook, signal: AbortSignal) {
  const { stunServers: servers, stunPeers: fallback = [] } = among;
  return discoverExternalAddress({ net, clock, random, servers, fallback, local: { port }, family: 4, signal });
}
