import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { type Beat, nonceLength } from './beat.js';

export interface RemoteWatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Asks whoever is at an address to return the nonce. @param echo what to return in the same beat */
  challenge(nonce: Uint8Array, to: Endpoint, echo?: Uint8Array): void;
  onMove(remote: Endpoint): void;
}

interface Candidate {
  readonly remote: Endpoint;
  /** What the new and the old address were asked to return. */
  readonly nonce: Buffer;
  readonly oldNonce: Buffer;
  readonly timer: Timer;
  proven: boolean;
  decided: boolean;
}

/** How long the old address has to answer for itself, in milliseconds: three round trips within these bounds. */
const patience = { least: 150, most: 600 };
/** Milliseconds before the next address is considered, proven or not: copies are cheap, and each makes us ask twice. */
const candidateLifeMs = 1000;

/**
 * Knows where the other end is. A beat that comes from elsewhere is only a hint, for whoever can copy a beat can send the copy
 * first: the new address has to return a nonce (RFC 9000 section 8.2), and the old one, asked at the same time, must no longer
 * do so (section 9.3.3).
 */
export class RemoteWatch {
  rttMs: number | undefined;
  private candidate: Candidate | undefined;
  private candidateSince = Number.NEGATIVE_INFINITY;

  constructor(
    private current: Endpoint,
    private readonly options: RemoteWatchOptions,
  ) {}

  get remote(): Endpoint {
    return this.current;
  }

  set remote(remote: Endpoint) {
    this.drop();
    this.current = remote;
  }

  /**
   * The old address answers for itself, if that is what this is.
   * @param beat authentic; a copy of it may have come from the new address before, for whoever wants to be there can be quicker
   */
  vouch(from: Endpoint, beat: Beat): void {
    if (same(from, this.current) && this.candidate?.oldNonce.equals(beat.echo)) this.drop();
  }

  /**
   * @param beat authentic and not seen before
   * @param mayFollow it is also the newest, so that it may be a hint
   * @returns whether its question is to be answered as usual; otherwise that has been done
   */
  judge(from: Endpoint, beat: Beat, mayFollow: boolean): boolean {
    const { candidate } = this;
    if (same(from, this.current)) return true;
    if (candidate && same(from, candidate.remote)) {
      if (candidate.nonce.equals(beat.echo)) candidate.proven = true;
      if (candidate.proven && candidate.decided) this.move(candidate.remote);
      if (candidate.proven || !beat.ask) return true;
      // Our question was lost.
      this.options.challenge(candidate.nonce, from, beat.nonce);
      return false;
    }
    if (!mayFollow) return true;
    if (this.options.clock.now() - this.candidateSince < candidateLifeMs) return true;
    this.consider(from, beat);
    return false;
  }

  stop(): void {
    this.drop();
  }

  private consider(remote: Endpoint, beat: Beat): void {
    this.drop();
    const { clock, random, challenge } = this.options;
    const nonce = Buffer.from(random.bytes(nonceLength));
    const oldNonce = Buffer.from(random.bytes(nonceLength));
    const waitMs = Math.min(patience.most, Math.max(patience.least, 3 * (this.rttMs ?? patience.most)));
    const timer = clock.setTimer(waitMs, () => {
      candidate.decided = true;
      if (candidate.proven) this.move(candidate.remote);
    });
    const candidate: Candidate = { remote, nonce, oldNonce, timer, proven: false, decided: false };
    this.candidate = candidate;
    this.candidateSince = clock.now();
    challenge(oldNonce, this.current);
    challenge(nonce, remote, beat.ask ? beat.nonce : undefined);
  }

  private move(remote: Endpoint): void {
    this.drop();
    this.current = remote;
    this.options.onMove(remote);
  }

  private drop(): void {
    this.candidate?.timer.cancel();
    this.candidate = undefined;
  }
}

function same(left: Endpoint, right: Endpoint): boolean {
  return left.address === right.address && left.port === right.port;
}
