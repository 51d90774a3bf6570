import type { Duplex } from 'node:stream';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { StrategyError } from './errors.js';
import { readExactly } from './read-exactly.js';

/**
 * What the two agents say on a proven path before the routers do. Records of nine bytes: a type, then eight more.
 * The controlling end sends pings, which the controlled end returns, and then `start` with the round trip it measured in
 * microseconds; the controlled end answers `start`. Whatever follows a `start` belongs to the routers.
 */
const recordType = { ping: 1, pong: 2, start: 3 } as const;
const recordLength = 9;
const pingCount = 3;
/** Bursts of pings at most: a path that looks too slow is looked at again before it is judged. */
const maxBursts = 4;
/** How long the other end may be silent before the path is given up, in milliseconds. */
const silenceMs = 10_000;

export interface PathOpening {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Controlling end: measures the path.
 * @param goodEnoughMs a round trip that needs no second look, in milliseconds
 * @returns the least round trip of a few, in milliseconds
 */
export async function measurePath(path: Duplex, goodEnoughMs: number, opening: PathOpening): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let burst = 0; burst < maxBursts && least > goodEnoughMs; burst++) {
    const sentAt = opening.clock.now();
    for (let nonce = 0; nonce < pingCount; nonce++) path.write(encode(recordType.ping, nonce));
    for (let nonce = 0; nonce < pingCount; nonce++) {
      const record = await read(path, opening);
      if (record.type !== recordType.pong || record.value !== nonce) throw brokenProtocol(record.type);
      least = Math.min(least, opening.clock.now() - sentAt);
    }
  }
  return least;
}

/** Controlling end: hands the path over to the routers. Resolves when the other end has done the same. */
export async function startPath(path: Duplex, rttMs: number, opening: PathOpening): Promise<void> {
  path.write(encode(recordType.start, Math.round(rttMs * 1000)));
  const record = await read(path, opening);
  if (record.type !== recordType.start) throw brokenProtocol(record.type);
}

/** Controlled end: answers pings until the path is handed over. @returns the round trip that the other end measured, in milliseconds */
export async function awaitStart(path: Duplex, opening: PathOpening): Promise<number> {
  for (let answered = 0; answered <= maxBursts * pingCount; answered++) {
    const record = await read(path, opening);
    if (record.type === recordType.start) {
      path.write(encode(recordType.start, record.value));
      return record.value / 1000;
    }
    if (record.type !== recordType.ping) throw brokenProtocol(record.type);
    path.write(encode(recordType.pong, record.value));
  }
  throw brokenProtocol(recordType.ping);
}

function encode(type: number, value: number): Buffer {
  const record = Buffer.alloc(recordLength);
  record.writeUInt8(type, 0);
  record.writeUIntBE(value, recordLength - 6, 6);
  return record;
}

async function read(path: Duplex, { clock, signal }: PathOpening): Promise<{ type: number; value: number }> {
  try {
    const record = await withDeadline(readExactly(path, recordLength, signal), {
      clock,
      timeoutMs: silenceMs,
      expired: () => new StrategyError('PATH_SILENT', `The other agent said nothing on the path for ${silenceMs / 1000} s.`),
    });
    return { type: record.readUInt8(0), value: record.readUIntBE(recordLength - 6, 6) };
  } catch (error) {
    if (error instanceof StrategyError || signal.aborted) throw error;
    throw new StrategyError('PATH_CLOSED', `The path broke before it was in use: ${(error as Error).message}.`, { cause: error });
  }
}

function brokenProtocol(type: number): StrategyError {
  return new StrategyError('PATH_SILENT', `The other agent sent a record of type ${type} out of turn.`);
}
