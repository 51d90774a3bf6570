import { timingSafeEqual } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { deriveKey } from './attempt-secret.js';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { StrategyError } from './errors.js';
import { readExactly } from './read-exactly.js';
import type { Role } from './strategy.js';

/** Wire form of a proof: four letters, then 32 bytes that only the two ends can compute. */
const magic = Buffer.from('RTSK');
const proofLength = magic.length + 32;
/** The controlling end's choice among proven streams: this byte follows the proofs on one of them. */
const nomination = Buffer.from([0x4e]);
/** How long the other end of a candidate stream may take to prove itself, in milliseconds. */
const proofDeadlineMs = 5000;
/** How long the controlling end may take to choose, in milliseconds. */
const nominationDeadlineMs = 5000;

/**
 * The proofs of one attempt. Each end shows a key derived from the attempt's secret for its role, so that neither can be
 * answered with its own words. Of all streams that are proven, the controlling end nominates the first (RFC 8445's term).
 */
export class Proofs {
  private readonly own: Buffer;
  private readonly expected: Buffer;
  private readonly settled = new AbortController();
  private chosen: Duplex | undefined;

  constructor(
    private readonly role: Role,
    secret: Uint8Array,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {
    const proofOf = (who: Role) => Buffer.concat([magic, deriveKey(secret, `proof ${who}`)]);
    this.own = proofOf(role);
    this.expected = proofOf(role === 'controlling' ? 'controlled' : 'controlling');
  }

  /** The stream both ends settled on, once they have. */
  get path(): Duplex | undefined {
    return this.chosen;
  }

  /** As {@link AttemptContext.prove}. */
  async prove(stream: Duplex, { speakFirst }: { readonly speakFirst: boolean }): Promise<Duplex> {
    // From here on a broken stream is found by reading it, never by an error that nobody listens for.
    stream.on('error', () => {});
    const signal = AbortSignal.any([this.signal, this.settled.signal]);
    try {
      signal.throwIfAborted();
      if (speakFirst) stream.write(this.own);
      const proof = await this.read(stream, proofLength, proofDeadlineMs, signal);
      if (!timingSafeEqual(proof, this.expected)) {
        throw new StrategyError('PROOF_FAILED', 'The other end of a connection does not know the attempt’s secret.');
      }
      if (!speakFirst) stream.write(this.own);
      if (this.role === 'controlling') {
        signal.throwIfAborted();
        stream.write(nomination);
      } else {
        const choice = await this.read(stream, nomination.length, nominationDeadlineMs, signal);
        if (!choice.equals(nomination)) throw new StrategyError('PROOF_FAILED', 'The peer broke the protocol after its proof.');
      }
      this.chosen = stream;
      this.settled.abort(new StrategyError('PATH_SUPERSEDED', 'Another connection of this attempt was chosen.'));
      return stream;
    } catch (error) {
      stream.destroy();
      if (error instanceof StrategyError) throw error;
      throw new StrategyError('PROOF_FAILED', `A connection ended before it was proven: ${(error as Error).message}.`, {
        cause: error,
      });
    }
  }

  private read(stream: Duplex, length: number, timeoutMs: number, signal: AbortSignal): Promise<Buffer> {
    return withDeadline(readExactly(stream, length, signal), {
      clock: this.clock,
      timeoutMs,
      expired: () => new StrategyError('PROOF_FAILED', `The other end of a connection said nothing for ${timeoutMs / 1000} s.`),
    });
  }
}
