import { type Clock, sleep } from '../../core/clock.js';
import type { ByteStream } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { bindTimed } from './tcp-binding.js';

/** Questions that a survey of one relay asks: with so many, packets that take 20 % more or less mislead no choice by 5 %. */
export const surveyQuestions = 18;
/** Pause between two, in milliseconds: what one meets the next may not. */
const spacingMs = 10;

/** What came of a question. */
export interface TimedAnswer {
  /** Where the other end sees this one. */
  readonly mapped: string;
  /** When the question left and when the answer came, and what time it was at the other end, if it tells; in milliseconds. */
  readonly sentAt: number;
  readonly returnedAt: number;
  readonly serverTimeMs: number | undefined;
}

/**
 * Asks over a connection what time it is at its other end, some times: none waits for the answer to another.
 * @throws as `bindTimed`
 */
export async function askTimes(
  stream: ByteStream,
  questions: number,
  { clock, ...options }: { clock: Clock; random: Random; timeoutMs: number; signal: AbortSignal },
): Promise<TimedAnswer[]> {
  // All of them listen at once.
  stream.setMaxListeners(0);
  return Promise.all(
    Array.from({ length: questions }, async (_, index) => {
      await sleep(clock, index * spacingMs, options.signal);
      const sentAt = clock.now();
      const { mapped, serverTimeMs } = await bindTimed(stream, { clock, ...options });
      return { mapped: mapped.address, sentAt, returnedAt: clock.now(), serverTimeMs };
    }),
  );
}
