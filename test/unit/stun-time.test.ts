import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBindingResponse, encodeBindingRequest, messageLength } from '../../src/discovery/stun/codec.js';
import { answerBinding } from '../../src/discovery/stun/responder-answer.js';
import { askForTime, tellTime, timeIn } from '../../src/discovery/stun/time-attribute.js';

const id = Buffer.alloc(12, 7);
const remote = { address: '192.0.2.1', port: 4000 };
const place = { local: { address: '192.0.2.2', port: 4703 } };
const answerTo = (request: Uint8Array) => answerBinding(request, { remote, place, transport: 'udp' })?.bytes ?? Buffer.alloc(0);

describe('the time in a Binding', () => {
  test('is told to who asks, beside the address', () => {
    const request = askForTime(encodeBindingRequest(id));
    const answer = tellTime(request, answerTo(request), 1234.5678);
    expect(timeIn(answer)).toBe(1234.567);
    expect(messageLength(answer)).toBe(answer.length);
    expect(decodeBindingResponse(answer, id)).toEqual({ mapped: remote });
  });

  test('is not told to who does not ask', () => {
    const request = encodeBindingRequest(id);
    expect(timeIn(tellTime(request, answerTo(request), 1))).toBeUndefined();
  });

  test('makes an answer longer by no more than it made the question', () => {
    const [plain, asking] = [encodeBindingRequest(id), askForTime(encodeBindingRequest(id))];
    const longerBy = tellTime(asking, answerTo(asking), 1).length - answerTo(plain).length;
    expect(longerBy).toBe(asking.length - plain.length);
  });

  test('is asked for in an attribute that servers may ignore', () => {
    expect(decodeBindingResponse(answerTo(askForTime(encodeBindingRequest(id))), id)).toEqual({ mapped: remote });
  });

  test('is not found in junk, and junk harms nothing', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void timeIn(bytes)));
  });
});
