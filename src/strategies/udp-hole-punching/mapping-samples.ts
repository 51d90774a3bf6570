import { isIPv4 } from 'node:net';
import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import { reflexiveCandidate, usableCandidates } from '../../discovery/candidates.js';
import { NatClassifier } from '../../discovery/nat-behaviour/classifier.js';
import type { StunTransactions } from '../../discovery/stun/stun-transactions.js';

/** Shorter than RFC 8489 §6.2.1 has it, for someone waits for a path: requests at 0, 150 and 450 ms. */
const retransmission = { rtoMs: 150, requests: 3, lastWait: 4 };
/** No answer from any server by then means that UDP does not pass, in milliseconds. */
const silenceMs = 1000;
/**
 * How long to wait for more, in milliseconds. One answer says nothing of a mapping, so that requests which are lost are repeated
 * first; two that differ leave open whether the NAT counts.
 */
const patienceMs = { afterOne: 500, afterTwo: 100 };
/** Samples that settle what a mapping is: a third tells a NAT that counts from chance. */
const enough = 3;

export interface SamplingOptions {
  readonly clock: Clock;
  /** Of the socket that is going to punch. */
  readonly transactions: StunTransactions;
  /** What that socket is bound to. */
  readonly local: Endpoint;
  /** IPv4 addresses of STUN servers, the preferred first. */
  readonly servers: readonly Endpoint[];
  readonly signal: AbortSignal;
}

/**
 * How STUN servers see the socket that is going to punch, in the order in which they were asked; empty when none answered. They are
 * asked by plain Binding requests only, since answers from elsewhere could move its mapping. One that answers at another address
 * as well (OTHER-ADDRESS, RFC 5780 §7.4) is asked there, too, when there are few. A server that the others contradict is left out.
 * @throws only the signal's reason
 */
export async function sampleMapping({ clock, transactions, local, servers, signal }: SamplingOptions): Promise<Endpoint[]> {
  const questions: Question[] = [];
  const over = new AbortController();
  const limit = AbortSignal.any([signal, over.signal]);
  let patience: Timer | undefined;

  const onAnswer = () => {
    const answered = questions.filter(({ mapped }) => mapped);
    if (answered.length >= enough || isSettled(answered)) {
      over.abort();
    } else {
      patience?.cancel();
      patience = clock.setTimer(answered.length === 1 ? patienceMs.afterOne : patienceMs.afterTwo, () => over.abort());
    }
  };
  const ask = async (server: Endpoint): Promise<void> => {
    if (questions.some((each) => each.server.address === server.address && each.server.port === server.port)) return;
    const question: Question = { server };
    questions.push(question);
    // Whatever it fails with, what counts is that this server does not help.
    const answer = await transactions
      .bind(server, { retransmission, timeoutMs: silenceMs, signal: limit })
      .catch(() => undefined);
    if (!answer || !isIPv4(answer.mapped.address)) return;
    question.mapped = answer.mapped;
    onAnswer();
    const { other } = answer;
    const isWelcome = other && isIPv4(other.address) && usableCandidates([], [reflexiveCandidate(other)]).length > 0;
    if (isWelcome && questions.length < enough && !limit.aborted) await ask(other);
  };
  await Promise.all(servers.map(ask));
  patience?.cancel();
  signal.throwIfAborted();

  const classifier = new NatClassifier();
  for (const { server, mapped } of questions) if (mapped) classifier.addMapping({ local, server, mapped });
  const { doubtful } = classifier.behaviour;
  return questions.flatMap(({ server, mapped }) => (mapped && !doubtful.includes(server.address) ? [mapped] : []));
}

interface Question {
  readonly server: Endpoint;
  mapped?: Endpoint;
}

/** Two servers at different addresses see one mapping. */
function isSettled(answered: readonly Question[]): boolean {
  const [first, ...others] = answered;
  return others.some(
    ({ server, mapped }) =>
      server.address !== first?.server.address &&
      mapped?.port === first?.mapped?.port &&
      mapped?.address === first?.mapped?.address,
  );
}
