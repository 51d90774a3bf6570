import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AgentFrame, decodeAgentFrame, encodeAgentFrame } from '../../src/core/frames/agent-frames.js';
import { DelayMeter } from '../../src/core/frames/delay-meter.js';

/** Length, type and body of a short frame. */
const bodyOf = (frame: Buffer) => frame.subarray((frame[0] ?? 0) < 0x80 ? 2 : 3);

describe('a frame between agents', () => {
  it.each<AgentFrame>([
    { kind: 'beat', sentAt: 2 ** 48 - 1, echo: 0, heardAt: 12_345_678, received: 2 ** 40 },
    { kind: 'end', code: 'PATH_SUPERSEDED', message: 'A better path took its place.' },
    { kind: 'end', code: 'X', message: '' },
  ])('says the same after its way: $kind $code', (frame) => {
    const bytes = encodeAgentFrame(frame);
    expect(decodeAgentFrame(bodyOf(bytes))).toEqual(frame);
  });

  it('is a frame like a router’s, of a type that no router has', () => {
    const bytes = encodeAgentFrame({ kind: 'end', code: 'AGENT_STOPPED', message: 'm'.repeat(500) });
    const length = ((bytes[0] ?? 0) & 0x7f) | ((bytes[1] ?? 0) << 7);
    expect(length).toBe(bytes.length - 2);
    expect(bytes[2]).toBe(0xff);
  });

  it('is nothing when it is of an unknown kind, or cut short, and never an exception', () => {
    const beat = bodyOf(encodeAgentFrame({ kind: 'beat', sentAt: 1, echo: 2, heardAt: 3, received: 4 }));
    expect(decodeAgentFrame(beat.subarray(0, -1))).toBeUndefined();
    expect(decodeAgentFrame(Buffer.from([9, 1, 2]))).toBeUndefined();
    expect(decodeAgentFrame(Buffer.from([2, 5, 0x41]))).toBeUndefined();
    expect(decodeAgentFrame(Buffer.from([2, 2, 0x61, 0x0a]))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (body) => void decodeAgentFrame(Buffer.from(body))));
  });

  it('brings no control characters into our log', () => {
    const bytes = encodeAgentFrame({ kind: 'end', code: 'X', message: 'a\n\u001b[31mb\u202ec' });
    expect(decodeAgentFrame(bodyOf(bytes))).toEqual({ kind: 'end', code: 'X', message: 'a  [31mb c' });
  });
});

describe('the delay meter', () => {
  /** A beat over a path with these delays, in microseconds; the other clock is ahead by `ahead`. */
  function exchange(meter: DelayMeter, out: number, back: number, { ahead = 0, held = 700, at = 1_000_000 } = {}) {
    const heardAt = at + out + ahead;
    const sentAt = heardAt + held;
    meter.take({ kind: 'beat', sentAt, echo: at, heardAt, received: 0 }, sentAt - ahead + back);
  }

  it('leaves out how long the other end held its answer', () => {
    const meter = new DelayMeter();
    exchange(meter, 10_000, 10_000, { held: 900_000 });
    expect(meter.current).toEqual({ rttMs: 20, leastRttMs: 20, outMs: 10, inMs: 10 });
  });

  it.each([0, 5_000_000, -900_000])('tells a queue on the way out from one on the way back, clocks apart by %s µs', (ahead) => {
    const meter = new DelayMeter();
    exchange(meter, 10_000, 10_000, { ahead });
    exchange(meter, 60_000, 10_000, { ahead, at: 3_000_000 });
    expect(meter.current).toEqual({ rttMs: 70, leastRttMs: 20, outMs: 60, inMs: 10 });
    exchange(meter, 10_000, 35_000, { ahead, at: 5_000_000 });
    expect(meter.current).toEqual({ rttMs: 45, leastRttMs: 20, outMs: 10, inMs: 35 });
  });

  it('makes nothing of a first beat, nor of times that cannot be', () => {
    const meter = new DelayMeter();
    const wrong = [
      { sentAt: 5, echo: 0, heardAt: 0 },
      { sentAt: 5, echo: 10, heardAt: 9 },
      { sentAt: 2_000_000, echo: 10, heardAt: 9 },
      { sentAt: 50, echo: 5_000_000, heardAt: 40 },
    ];
    for (const times of wrong) meter.take({ kind: 'beat', received: 0, ...times }, 1_000_000);
    expect(meter.current).toBeUndefined();
  });
});
