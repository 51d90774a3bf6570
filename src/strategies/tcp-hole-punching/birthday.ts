import { type Clock, sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { ByteStream, Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { Pacer } from './pacer.js';

/** Connections that the random side has under way at a time. docs/birthday.md has the odds. */
export const openSockets = 256;
/** Connections that the random side makes in all: a NAT that answers with RST makes it replace them. */
export const maxOpens = 2000;
/** Ports that the known side probes at most. */
export const maxProbes = 2000;
/** SYNs a second, either side. */
export const perSecond = 1600;
/** Connections that came up and were not the peer's, after which a side gives up: what it was told is somebody else's address. */
export const maxStrangers = 16;
/**
 * A probe's socket waits this long, in milliseconds. What it opened in its own NAT stays open longer, and what comes through then
 * meets the listener.
 */
const probeTimeoutMs = 750;
/** The random side opens so long after the start, in milliseconds: clocks of the two ends differ by a little. */
export const openDelayMs = 100;
/** The same for the known side. A NAT that resets what it did not expect would spoil a probe that came before the other's SYN. */
export const probeDelayMs = 200;

const ports = { first: 1024, count: 64_512 };

export interface BirthdayOptions {
  readonly net: Pick<Net, 'connectTcp'>;
  readonly clock: Clock;
  /** When both ends begin, on this end's clock: the ordinary tries have had a round trip's head start by then. */
  readonly startAt: number;
  /** Ends it, and every connection under way. */
  readonly signal: AbortSignal;
  /** A connection came up; resolves to false when it was not the peer. */
  accept(stream: ByteStream): Promise<boolean>;
}

/** What a side has done so far. */
export interface Tally {
  /** Connections that were begun. */
  begun: number;
  /** Why they did not come up, by the system's names, and how often. */
  readonly failures: Map<string, number>;
  /** Those of others: they came up, but not from the peer. */
  strangers: number;
}

/**
 * Random side: keeps connections under way to the one endpoint that the other end is known by, each from a port of its own.
 * @param timeoutMs for each
 */
export async function openMany(known: Endpoint, timeoutMs: number, options: BirthdayOptions, tally: Tally): Promise<void> {
  const local = { address: '0.0.0.0', port: 0 };
  const room = new Room(openSockets);
  await paced(options, openDelayMs, maxOpens, tally, async () => {
    await room.enter(options.signal);
    void connect({ remote: known, local, timeoutMs }, options, tally).finally(() => room.leave());
  });
}

/** Known side: connects from its one port to random ports of the other end's NAT, to each once. */
export async function probeMany(
  address: string,
  { random, localPort, ...options }: BirthdayOptions & { readonly random: Random; readonly localPort: number },
  tally: Tally,
): Promise<void> {
  const remotePorts = randomPorts(() => random.fraction());
  const local = { address: '0.0.0.0', port: localPort };
  await paced(options, probeDelayMs, maxProbes, tally, async () => {
    const remote = { address, port: remotePorts.next().value };
    void connect({ remote, local, sharePort: true, timeoutMs: probeTimeoutMs }, options, tally);
  });
}

/** Ports from 1024 to 65535 in a random order, none twice until all have been. @param fraction uniform in [0, 1) */
export function* randomPorts(fraction: () => number): Generator<number, never> {
  for (;;) {
    // A shuffle of which only what was moved is kept.
    const moved = new Map<number, number>();
    for (let left = ports.count; left > 0; left--) {
      const index = Math.floor(fraction() * left);
      const value = moved.get(index) ?? index;
      moved.set(index, moved.get(left - 1) ?? left - 1);
      yield ports.first + value;
    }
  }
}

/** Does it so many times, at the pace that both sides keep, until the signal aborts. Never rejects. */
async function paced(
  { clock, startAt, signal }: BirthdayOptions,
  delayMs: number,
  times: number,
  tally: Tally,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await sleep(clock, Math.max(0, startAt + delayMs - clock.now()), signal);
    const pacer = new Pacer(clock, perSecond);
    for (let count = 0; count < times && tally.strangers < maxStrangers; count++) {
      await act();
      await pacer.next(signal);
    }
  } catch {
    // Aborted.
  }
}

/** Never rejects. */
async function connect(
  options: Omit<Parameters<Net['connectTcp']>[0], 'signal'>,
  { net, signal, accept }: BirthdayOptions,
  tally: Tally,
): Promise<void> {
  tally.begun += 1;
  try {
    if (!(await accept(await net.connectTcp({ ...options, signal })))) tally.strangers += 1;
  } catch (error) {
    if (signal.aborted) return;
    const { code } = describeError(error);
    tally.failures.set(code, (tally.failures.get(code) ?? 0) + 1);
  }
}

/** Holds so many at a time. */
class Room {
  private inside = 0;
  private vacated: (() => void) | undefined;

  constructor(private readonly size: number) {}

  /** For one caller at a time. Rejects with the signal's reason. */
  async enter(signal: AbortSignal): Promise<void> {
    if (this.inside >= this.size) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason as Error);
        signal.addEventListener('abort', onAbort, { once: true });
        this.vacated = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
      });
    }
    signal.throwIfAborted();
    this.inside += 1;
  }

  leave(): void {
    this.inside -= 1;
    this.vacated?.();
    this.vacated = undefined;
  }
}
