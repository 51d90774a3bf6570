import { inject, injectable } from 'tsyringe';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { asStrategyError, describeError, StrategyError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import { awaitStart, measurePath, startPath } from './path-opening.js';
import { Proofs } from './proof.js';
import type { AttemptConversation } from './signalling/attempt-conversation.js';
import type { SignallingLink } from './signalling/link.js';
import { feature } from './signalling/messages.js';
import type { Path, Strategy } from './strategy.js';
import { tokens } from './tokens.js';

/** The longest a strategy may take, in milliseconds. */
const strategyDeadlineMs = 30_000;

/** A path that is proven and measured, and waits to be used or dropped. */
export interface ProvenPath {
  readonly peer: PeerRef;
  /** Attempt id, 32 hex digits. */
  readonly attempt: string;
  readonly strategy: string;
  readonly secret: Uint8Array;
  readonly path: Path;
  /** Round trips in milliseconds. */
  readonly rttMs: number;
  readonly overlayRttMs: number;
  /** Our own router's key, 64 hex digits. */
  readonly ownKey: string;
  /** Both ends keep a bridge over it out of the routers' tree. */
  readonly hidden: boolean;
  /** Hands the path over to the routers; on the controlled end that has happened already. */
  start(signal: AbortSignal): Promise<void>;
  /** Ends the attempt and its path, telling the peer why. */
  drop(code: string, message: string): void;
}

/** Runs one attempt at this end: the strategy, then the proof of its path, then the measurement. */
@injectable()
export class AttemptRunner {
  constructor(
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.events) private readonly events: EventSource,
  ) {}

  /** @throws StrategyError; nothing is left behind and the peer has been told */
  async run(
    link: SignallingLink,
    conversation: AttemptConversation,
    strategy: Strategy,
    signal: AbortSignal,
  ): Promise<ProvenPath> {
    const { peer, role } = link.identity;
    const { id: attempt, secret } = conversation;
    const about = { peer, attempt, strategy: strategy.name };
    const startedAt = this.clock.now();
    // However the attempt ends, whatever the strategy still holds hears of it.
    const over = new AbortController();
    const ending = AbortSignal.any([signal, conversation.signal, over.signal]);
    const proofs = new Proofs(role, secret, this.clock, ending);
    let path: Path | undefined;
    this.events.publish('attempt.started', { ...about, role });
    try {
      path = await this.openPath(link, conversation, strategy, proofs, ending);
      const overlayRttMs = link.rttMs;
      const opening = { clock: this.clock, signal: ending };
      const rttMs = role === 'controlling' ? await measurePath(path, overlayRttMs, opening) : await awaitStart(path, opening);
      const { kind, local, remote } = path.info;
      this.events.publish('path.proven', { ...about, kind, local, remote, rttMs, overlayRttMs });
      return {
        peer,
        attempt,
        strategy: strategy.name,
        secret,
        path,
        rttMs,
        overlayRttMs,
        ownKey: link.identity.ownKey,
        hidden: link.identity.features.includes(feature.hiddenBridges),
        start: async (startSignal) => {
          if (role === 'controlling') await startPath(proven(path), rttMs, { clock: this.clock, signal: startSignal });
        },
        drop: (code, message) => {
          conversation.end(code, message);
          path?.destroy();
        },
      };
    } catch (cause) {
      const error = asStrategyError(cause, strategy.name);
      path?.destroy();
      // One that was proven while the strategy failed otherwise.
      proofs.path?.destroy();
      conversation.end(error.code, error.message);
      over.abort(error);
      this.events.publish('attempt.failed', { ...about, ...describeError(error), durationMs: this.clock.now() - startedAt });
      throw error;
    }
  }

  private async openPath(
    link: SignallingLink,
    conversation: AttemptConversation,
    strategy: Strategy,
    proofs: Proofs,
    signal: AbortSignal,
  ): Promise<Path> {
    const attempt = strategy.attempt({
      signal,
      role: link.identity.role,
      peer: link.peer,
      secret: conversation.secret,
      channel: conversation.channel,
      overlayRttMs: link.rttMs,
      prove: (stream, options) => proofs.prove(stream, options),
    });
    // A strategy that ignores its abort is left to itself, and whatever it still comes up with is closed.
    const path = await withDeadline(attempt, {
      clock: this.clock,
      timeoutMs: strategyDeadlineMs,
      signal,
      expired: () => new StrategyError('STRATEGY_FAILED', `${strategy.name} did not end within ${strategyDeadlineMs / 1000} s.`),
    }).catch((error: unknown) => {
      attempt.then(
        (late) => late.destroy(),
        () => {},
      );
      throw error;
    });
    // A strategy with one connection may leave the proof to us.
    if (!proofs.path) await proofs.prove(path, { speakFirst: true });
    return path;
  }
}

function proven(path: Path | undefined): Path {
  if (!path) throw new StrategyError('PATH_CLOSED', 'The path is gone.');
  return path;
}
