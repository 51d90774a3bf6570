import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SignallingError } from '../../src/core/errors.js';
import { MessageStream } from '../../src/core/signalling/message-stream.js';
import { type Message, maxMessageBytes } from '../../src/core/signalling/messages.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';

function receiver() {
  const [near, far] = duplexPair();
  const clock = new FakeClock();
  const messages: Message[] = [];
  const closes: (SignallingError | undefined)[] = [];
  const stream = new MessageStream(near, clock, {
    onMessage: (message) => messages.push(message),
    onClose: (error) => closes.push(error),
  });
  return { near, far, clock, messages, closes, stream };
}

const ping = (id: number): Message => ({ type: 'ping', id });
const line = (value: unknown) => `${JSON.stringify(value)}\n`;

async function closeCode(write: (far: Duplex) => void): Promise<string | undefined> {
  const { near, far, closes } = receiver();
  write(far);
  await settle();
  expect(closes).toHaveLength(1);
  expect(near.destroyed).toBe(true);
  return closes[0]?.code;
}

describe('a message stream', () => {
  it('delivers messages in order however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 30 })),
        async (ids, cuts) => {
          const { far, messages } = receiver();
          let rest = Buffer.from(ids.map((id) => line(ping(id))).join(''));
          for (const cut of cuts) {
            far.write(rest.subarray(0, cut));
            rest = rest.subarray(cut);
            if (rest.length === 0) break;
          }
          if (rest.length > 0) far.write(rest);
          await settle();
          expect(messages).toEqual(ids.map(ping));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('passes over message types and fields that it does not know', async () => {
    const { far, messages, closes } = receiver();
    far.write(line({ type: 'weather', sky: 'blue' }) + line({ type: 'ping', id: 7, colour: 'red' }));
    await settle();
    expect(messages).toEqual([ping(7)]);
    expect(closes).toEqual([]);
  });

  it.each([
    ['what is not JSON', 'GET / HTTP/1.1\n'],
    ['JSON that is no object', '[1,2]\n'],
    ['an object without a type', '{"id":1}\n'],
    ['a known type with a wrong field', '{"type":"ping","id":"one"}\n'],
    ['an id that is no id', '{"type":"end","id":"../../etc","code":"X","message":""}\n'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('ends with SIGNALLING_MALFORMED on %s', async (_, junk) => {
    expect(await closeCode((far) => far.write(junk))).toBe('SIGNALLING_MALFORMED');
  });

  it('ends with SIGNALLING_TOO_LARGE on a line without end, before it has all of it', async () => {
    expect(await closeCode((far) => far.write(Buffer.alloc(maxMessageBytes + 1, 0x20)))).toBe('SIGNALLING_TOO_LARGE');
  });

  it('takes a line of just under the cap', async () => {
    const { far, messages } = receiver();
    const filler = 'x'.repeat(maxMessageBytes - 70);
    far.write(line({ type: 'data', id: '0'.repeat(32), payload: filler }));
    await settle();
    expect(messages).toHaveLength(1);
  });

  it('ends with SIGNALLING_TOO_FAST on more messages than the rate allows', async () => {
    expect(await closeCode((far) => far.write(line(ping(1)).repeat(201)))).toBe('SIGNALLING_TOO_FAST');
  });

  it('allows a steady stream of messages for as long as it takes', async () => {
    const { far, messages, clock, closes } = receiver();
    for (let second = 0; second < 20; second++) {
      far.write(line(ping(second)).repeat(40));
      await clock.advance(1000);
    }
    expect(messages).toHaveLength(800);
    expect(closes).toEqual([]);
  });

  it('ends with SIGNALLING_STALLED when the peer does not read', async () => {
    const { stream, closes } = receiver();
    const payload = 'x'.repeat(30_000);
    for (let count = 0; count < 30; count++) stream.send({ type: 'data', id: '0'.repeat(32), payload });
    await settle();
    expect(closes[0]?.code).toBe('SIGNALLING_STALLED');
  });

  it('flushes its last message before it closes', async () => {
    const { far, stream, near } = receiver();
    const heard: Buffer[] = [];
    far.on('end', () => far.end());
    far.on('data', (chunk: Buffer) => heard.push(chunk));
    stream.send({ type: 'bye', reason: 'done' });
    stream.close();
    await settle();
    expect(String(Buffer.concat(heard))).toBe(line({ type: 'bye', reason: 'done' }));
    expect(near.destroyed).toBe(true);
  });

  it('does not wait for ever for the other end to end too', async () => {
    const { stream, near, clock } = receiver();
    stream.close();
    await clock.advance(999);
    expect(near.destroyed).toBe(false);
    await clock.advance(1);
    expect(near.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('tells once when the other end breaks off', async () => {
    const { far, closes } = receiver();
    far.on('error', () => {});
    far.destroy(new Error('gone'));
    await settle();
    expect(closes.map((error) => error?.code)).toEqual(['SIGNALLING_CLOSED']);
  });

  it('never throws on junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (junk) => {
        const { far } = receiver();
        far.write(Buffer.from(junk));
        await settle();
      }),
      { numRuns: 100 },
    );
  });
});
