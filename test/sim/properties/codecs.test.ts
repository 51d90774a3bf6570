import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSplitter } from '../../../src/core/admin/json-splitter.js';
import { parsePeers, parseSelf, parseSessions } from '../../../src/core/admin/schemas.js';
import { RatatoskrError } from '../../../src/core/errors.js';
import { addressOf, isOverlayAddress } from '../../../src/core/overlay-address.js';
import { parseMessage } from '../../../src/core/signalling/messages.js';
import { decodeNatPmpResponse } from '../../../src/discovery/gateway/nat-pmp-codec.js';
import { decodePcpResponse } from '../../../src/discovery/gateway/pcp-codec.js';
import { decodeBindingResponse, encodeBindingRequest, messageLength } from '../../../src/discovery/stun/codec.js';
import { decodeBindingRequest, encodeBindingResponse } from '../../../src/discovery/stun/responder-codec.js';
import { decodeChannelData, encodeChannelData } from '../../../src/strategies/relay/turn/channel-data.js';
import { decodeMessage, encodeMessage } from '../../../src/strategies/relay/turn/message.js';
import { attribute, type MessageClass, method } from '../../../src/strategies/relay/turn/protocol.js';
import { CheckCodec } from '../../../src/strategies/udp-hole-punching/check-codec.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const transactionId = bytes(12);
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.oneof(
  fc.ipV4(),
  bytes(16).map((raw) =>
    new URL(`http://[${(Buffer.from(raw).toString('hex').match(/.{4}/g) ?? []).join(':')}]`).hostname.slice(1, -1),
  ),
);
const endpoint = fc.record({ address: address.filter((text) => !text.startsWith('::ffff:')), port });

/** Anything, and what begins like something. */
function junkLike(sample: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const damaged = fc
    .tuple(sample, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }), fc.nat())
    .map(([whole, changes, cut]) => {
      const copy = Buffer.from(whole);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return cut % 3 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy;
    });
  return fc.oneof(fc.uint8Array({ maxLength: 200 }).map(Buffer.from), damaged);
}

describe('codecs', () => {
  it('carry STUN addresses there and back', () => {
    fc.assert(
      fc.property(transactionId, endpoint, (id, mapped) => {
        expect(decodeBindingRequest(encodeBindingRequest(id))?.transactionId).toEqual(Buffer.from(id));
        expect(decodeBindingResponse(encodeBindingResponse(id, { mapped }), id)).toEqual({ mapped });
      }),
    );
  });

  it('carry connectivity checks there and back, and only to the other role with the same secret', () => {
    const check = fc.oneof(
      fc.record({
        type: fc.constant('request' as const),
        transactionId: transactionId.map(Buffer.from),
        useCandidate: fc.boolean(),
      }),
      fc.record({ type: fc.constant('response' as const), transactionId: transactionId.map(Buffer.from), mapped: endpoint }),
    );
    fc.assert(
      fc.property(bytes(32), bytes(32), check, (secret, otherSecret, sent) => {
        const wire = new CheckCodec(secret, 'controlling').encode(sent);
        expect(new CheckCodec(secret, 'controlled').decode(wire)).toEqual(sent);
        expect(new CheckCodec(secret, 'controlling').decode(wire)).toBeUndefined();
        if (!Buffer.from(secret).equals(otherSecret))
          expect(new CheckCodec(otherSecret, 'controlled').decode(wire)).toBeUndefined();
      }),
    );
  });

  it('carry TURN messages there and back, and know whether they were changed', () => {
    const reserved: readonly number[] = [attribute.fingerprint, attribute.messageIntegrity];
    const attributes = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 0xffff }).filter((type) => !reserved.includes(type)),
        fc.uint8Array({ maxLength: 40 }),
      ),
      { maxLength: 6 },
    );
    const message = fc.record({
      method: fc.constantFrom(...Object.values(method)),
      class: fc.constantFrom<MessageClass>(0, 1, 2, 3),
      transactionId,
      attributes,
    });
    fc.assert(
      fc.property(message, bytes(16), fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, key, at, change) => {
        const wire = encodeMessage(sent, key);
        const read = decodeMessage(wire);
        expect({ ...read, value: 0, authenticated: 0 }).toEqual({
          ...sent,
          transactionId: Buffer.from(sent.transactionId),
          attributes: sent.attributes.map(([type, value]) => [type, Buffer.from(value)]),
          value: 0,
          authenticated: 0,
        });
        expect(read?.authenticated(key)).toBe(true);
        const index = at % wire.length;
        wire[index] = (wire[index] ?? 0) ^ change;
        // What follows MESSAGE-INTEGRITY is of no account (RFC 8489 §14.5).
        const changed = decodeMessage(wire);
        if (changed?.authenticated(key)) expect(changed.attributes).toEqual(read?.attributes);
      }),
    );
  });

  it('carry channel data there and back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x4000, max: 0x4fff }),
        fc.uint8Array({ maxLength: 1500 }),
        fc.boolean(),
        (channel, data, padded) => {
          expect(decodeChannelData(encodeChannelData(channel, data, padded))).toEqual({ channel, data: Buffer.from(data) });
        },
      ),
    );
  });

  const secret = new Uint8Array(32);
  const stun = transactionId.map((id) => encodeBindingResponse(id, { mapped: { address: '192.0.2.1', port: 1 } }));
  const check = transactionId.map((id) =>
    new CheckCodec(secret, 'controlling').encode({ type: 'request', transactionId: Buffer.from(id), useCandidate: true }),
  );
  const pcp = bytes(60).map((raw) => Uint8Array.from([2, 129, ...raw.slice(2)]));
  const natPmp = fc.tuple(fc.constantFrom(128, 129, 130), bytes(14)).map(([opcode, raw]) => Uint8Array.from([0, opcode, ...raw]));
  const decoders: readonly [string, fc.Arbitrary<Uint8Array>, (junk: Buffer) => unknown][] = [
    ['STUN responses', stun, (junk) => decodeBindingResponse(junk, junk.subarray(8, 20))],
    ['STUN requests', transactionId.map((id) => encodeBindingRequest(id)), (junk) => decodeBindingRequest(junk)],
    ['STUN lengths', stun, (junk) => messageLength(junk)],
    ['connectivity checks', check, (junk) => new CheckCodec(secret, 'controlled').decode(junk)],
    ['TURN messages', stun, (junk) => decodeMessage(junk)],
    ['channel data', bytes(20).map((raw) => encodeChannelData(0x4000, raw, true)), (junk) => decodeChannelData(junk)],
    ['PCP responses', pcp, (junk) => decodePcpResponse(junk)],
    ['NAT-PMP responses', natPmp, (junk) => decodeNatPmpResponse(junk)],
  ];
  it.each(decoders)('of %s never throw on junk', (_, sample, decode) => {
    fc.assert(
      fc.property(junkLike(sample), (junk) => {
        decode(junk);
      }),
      { numRuns: 1000 },
    );
  });

  it('of the Admin API throw nothing but errors with a code, whatever a router says', () => {
    const reply = fc.oneof(fc.jsonValue(), fc.record({ sessions: fc.array(fc.jsonValue()), peers: fc.array(fc.jsonValue()) }));
    fc.assert(
      fc.property(reply, fc.constantFrom(parseSelf, parseSessions, parsePeers), (response, parse) => {
        try {
          parse(response);
        } catch (error) {
          expect(error).toBeInstanceOf(RatatoskrError);
        }
      }),
    );
  });

  it('of signalling give a message, undefined or an Error with a sentence, whatever a peer says', () => {
    const types = fc.constantFrom(
      'hello',
      'attempt',
      'accept',
      'refuse',
      'data',
      'end',
      'ping',
      'pong',
      'hold',
      'bye',
      '__proto__',
      'new',
    );
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.tuple(types, fc.dictionary(fc.string(), fc.jsonValue())).map(([type, rest]) => JSON.stringify({ ...rest, type })),
    );
    fc.assert(
      fc.property(line, (text) => {
        try {
          parseMessage(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^a /);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('find the objects of a stream however it is cut', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 });
    fc.assert(
      fc.property(objects, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (values, cuts) => {
        const found: unknown[] = [];
        const splitter = new JsonSplitter(1 << 20, (text) => found.push(JSON.parse(text.toString())));
        let rest = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
        for (let turn = 0; rest.length > 0; turn++) {
          const length = cuts[turn % cuts.length] ?? 1;
          splitter.push(rest.subarray(0, length));
          rest = rest.subarray(length);
        }
        expect(found).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  it('derive an overlay address of any key', () => {
    fc.assert(fc.property(bytes(32), (key) => isOverlayAddress(addressOf(Buffer.from(key).toString('hex')))));
  });
});
