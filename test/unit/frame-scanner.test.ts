import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/core/errors.js';
import { FrameScanner, type Verdict } from '../../src/core/frames/frame-scanner.js';
import { frameType, keepAliveFrame, maxFrameBytes } from '../../src/core/frames/frame-types.js';
import { cutAt, frame, handshake, trafficFrame } from './link-frames.js';

const source = Buffer.alloc(32, 0xa);
const destination = Buffer.alloc(32, 0xb);
const stranger = Buffer.alloc(32, 0xc);

function scanner(judge: (type: number) => Verdict = () => 'pass') {
  const passed: Buffer[] = [];
  const seen = { dropped: [] as number[], taken: [] as string[], transit: 0 };
  const scan = new FrameScanner({
    judge,
    source,
    destination,
    sink: {
      pass: (bytes) => passed.push(Buffer.from(bytes)),
      dropped: (type) => seen.dropped.push(type),
      taken: (body) => seen.taken.push(body.toString('latin1')),
      transit: () => {
        seen.transit += 1;
      },
    },
  });
  return { scan, seen, output: () => Buffer.concat(passed) };
}

const judged = (type: number): Verdict =>
  type === frameType.agent ? 'take' : type === 2 || type === frameType.signatureResponse ? 'drop' : 'pass';

const anyFrame = fc.oneof(
  fc.record({ type: fc.nat(8), body: fc.uint8Array({ maxLength: 300 }) }).map(({ type, body }) => frame(type, body)),
  fc.uint8Array({ maxLength: 200 }).map((body) => frame(frameType.agent, body)),
  fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 5 }).map((path) => trafficFrame({ source, destination, path })),
  fc.constant(trafficFrame({ source: stranger, destination })),
  fc.constant(trafficFrame({ source: destination, destination: source, payload: Buffer.alloc(4000) })),
);

describe('the frame scanner', () => {
  it('finds the same in a stream however it is cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 60 }), (frames, cuts) => {
        const stream = Buffer.concat([handshake(), ...frames]);
        const whole = scanner(judged);
        whole.scan.scan(stream);
        const cut = scanner(judged);
        for (const chunk of cutAt(stream, cuts)) cut.scan.scan(chunk);
        expect(cut.seen).toEqual(whole.seen);
        expect(cut.output().equals(whole.output())).toBe(true);
      }),
    );
  });

  it('passes everything but what is dropped or taken, in order', () => {
    const { scan, seen, output } = scanner(judged);
    const start = handshake();
    const [lookup, announce] = [frame(6, Buffer.alloc(90_000, 6)), frame(4, Buffer.from('announce'))];
    const all = [
      start,
      frame(2, Buffer.alloc(9)),
      lookup,
      frame(0xff, Buffer.from('hi')),
      announce,
      frame(3, Buffer.alloc(80)),
      lookup,
    ];
    scan.scan(Buffer.concat(all));
    expect(output().equals(Buffer.concat([start, lookup, announce, lookup]))).toBe(true);
    expect(seen).toEqual({ dropped: [2, 3], taken: ['hi'], transit: 0 });
  });

  it('hands a chunk on as it is when all of it passes', () => {
    const passed: Buffer[] = [];
    const sink = { pass: (bytes: Buffer) => passed.push(bytes), dropped() {}, taken() {}, transit() {} };
    const scan = new FrameScanner({ judge: () => 'pass', source, destination, sink });
    const chunk = Buffer.concat([handshake(), keepAliveFrame, frame(4, Buffer.alloc(1000)).subarray(0, 700)]);
    scan.scan(chunk);
    expect(passed).toHaveLength(1);
    expect(passed[0]).toBe(chunk);
  });

  it('counts the traffic of others, and not that of the two ends', () => {
    const { scan, seen } = scanner();
    const ours = trafficFrame({ source, destination, path: [], from: [128, 256, 16_384] });
    scan.scan(Buffer.concat([handshake(), ours, trafficFrame({ source: stranger, destination })]));
    scan.scan(Buffer.concat([trafficFrame({ source, destination: stranger }), ours]));
    expect(seen.transit).toBe(2);
  });

  it('tells how far it is to the next place between frames', () => {
    const { scan } = scanner(judged);
    const [start, announce, taken] = [handshake(), frame(4, Buffer.alloc(99)), frame(0xff, Buffer.alloc(10))];
    const untilBoundaryAfter = (bytes: Buffer) => {
      scan.scan(bytes);
      return scan.untilBoundary;
    };
    expect(scan.untilBoundary).toBe(Number.POSITIVE_INFINITY);
    expect(untilBoundaryAfter(start.subarray(0, 10))).toBe(start.length - 10);
    expect(untilBoundaryAfter(start.subarray(10))).toBe(0);
    expect(untilBoundaryAfter(announce.subarray(0, 1))).toBe(0);
    expect(untilBoundaryAfter(announce.subarray(1, 41))).toBe(announce.length - 41);
    expect(untilBoundaryAfter(announce.subarray(41))).toBe(0);
    expect(untilBoundaryAfter(taken.subarray(0, 5))).toBe(0);
  });

  it.each([
    ['another greeting', Buffer.from('SSH-2.0-x')],
    ['a handshake without room for a signature', handshake(63)],
    ['an empty frame', Buffer.concat([handshake(), Buffer.from([0])])],
    ['an empty frame in a long form', Buffer.concat([handshake(), Buffer.from([0x80, 0x80, 0])])],
    ['a frame longer than a router takes', Buffer.concat([handshake(), frame(4, Buffer.alloc(maxFrameBytes))])],
    ['a length without end', Buffer.concat([handshake(), Buffer.from([0xff, 0xff, 0xff, 0xff])])],
    ['a frame between agents that is too long', Buffer.concat([handshake(), frame(0xff, Buffer.alloc(513))])],
  ])('refuses %s with a code, and all that follows', (_what, stream) => {
    const { scan } = scanner(judged);
    expect(() => scan.scan(stream)).toThrow(expect.objectContaining({ code: 'LINK_MALFORMED' }));
    expect(() => scan.scan(keepAliveFrame)).toThrow(BridgeError);
    expect(scan.untilBoundary).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes the longest frame that a router does', () => {
    const { scan, output } = scanner();
    const longest = frame(4, Buffer.alloc(maxFrameBytes - 1, 7));
    scan.scan(handshake());
    scan.scan(longest);
    expect(output().subarray(-longest.length).equals(longest)).toBe(true);
  });

  it('throws nothing but that one error for any junk, and never passes more than it was given', () => {
    const junk = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(fc.boolean(), fc.array(junk, { maxLength: 8 }), (greeted, chunks) => {
        const { scan, output } = scanner(judged);
        const stream = greeted ? [handshake(), ...chunks.map(Buffer.from)] : chunks.map(Buffer.from);
        try {
          for (const chunk of stream) scan.scan(chunk);
        } catch (error) {
          expect(error).toMatchObject({ code: 'LINK_MALFORMED' });
        }
        expect(output().length).toBeLessThanOrEqual(Buffer.concat(stream).length);
      }),
    );
  });
});
