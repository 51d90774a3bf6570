import { type Clock, sleep } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { ReliableUdpSocket } from '../../core/reliable-udp.js';
import type { ConnectivityChecks } from './checks.js';
import { shuffledPorts } from './mapping.js';

/** Ports that the random side opens. docs/birthday.md has the odds. */
export const openPorts = 256;
/** Ports that the known side probes at most: all but one attempt in 3,000 have met by then. */
export const maxProbes = 2000;
/** Both sides send in small bursts, 1,600 datagrams a second. */
const burst = 8;
const burstPauseMs = 5;
/** The random side sends again on every port, for what was lost and against short-lived mappings. */
const openRounds = 3;
const openRoundPauseMs = 1000;
/** The known side lets the other open its ports first, in milliseconds. */
const probeDelayMs = 50;

export interface BirthdayOptions {
  readonly clock: Clock;
  readonly checks: ConnectivityChecks;
  /** May so many more be sent? The first no ends it. */
  readonly allow: (count: number) => boolean;
  /** Ends it: the attempt is over, or there is a pair that works. */
  readonly signal: AbortSignal;
}

/** Random side: sends from every socket to the one address that the other end is known by. Never rejects. */
export async function openMany(
  sockets: readonly ReliableUdpSocket[],
  known: Endpoint,
  { clock, checks, allow, signal }: BirthdayOptions,
): Promise<void> {
  try {
    for (let round = 0; round < openRounds; round++) {
      const roundEnd = clock.now() + openRoundPauseMs;
      for (let index = 0; index < sockets.length; index += burst) {
        const some = sockets.slice(index, index + burst);
        if (!allow(some.length)) return;
        for (const socket of some) checks.probe(socket, known);
        await sleep(clock, burstPauseMs, signal);
      }
      await sleep(clock, Math.max(0, roundEnd - clock.now()), signal);
    }
  } catch {
    // Aborted.
  }
}

/** Known side: probes random ports of the other end's NAT from the one socket that it is known by. Never rejects. */
export async function probeMany(
  socket: ReliableUdpSocket,
  address: string,
  { clock, checks, allow, signal, random }: BirthdayOptions & { readonly random: Random },
): Promise<void> {
  try {
    await sleep(clock, probeDelayMs, signal);
    const ports = shuffledPorts(() => random.fraction());
    for (let sent = 0; sent < maxProbes; sent += burst) {
      if (!allow(burst)) return;
      for (let index = 0; index < burst; index++) checks.probe(socket, { address, port: ports.next().value as number });
      await sleep(clock, burstPauseMs, signal);
    }
  } catch {
    // Aborted.
  }
}
