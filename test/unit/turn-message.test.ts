import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChannelData, encodeChannelData } from '../../src/strategies/relay/turn/channel-data.js';
import { longTermKey, sharedSecretCredentials } from '../../src/strategies/relay/turn/credentials.js';
import { decodeMessage, encodeMessage } from '../../src/strategies/relay/turn/message.js';
import { attribute, messageClass, method } from '../../src/strategies/relay/turn/protocol.js';
import { MessageSplitter } from '../../src/strategies/relay/turn/stream.js';
import { decodeErrorCode, decodeXorAddress, encodeXorAddress } from '../../src/strategies/relay/turn/values.js';

// Test vectors of RFC 5769.
const bytes = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const shortTermKey = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt');
const request = bytes(`00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff
  80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  80280004 e57a3bcf`);
const responseOverIpv4 = bytes(`0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147
  e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`);
const responseOverIpv6 = bytes(`01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147
  0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`);
const longTermRequest = bytes(`00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
  0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341 0014000b 6578616d 706c652e 6f726700
  00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`);

describe('the vectors of RFC 5769', () => {
  it('2.1: a request with short-term credentials', () => {
    const message = decodeMessage(request);
    expect(message).toMatchObject({ method: method.binding, class: messageClass.request });
    expect(message?.value(attribute.username)?.toString()).toBe('evtj:h6vY');
    expect(message?.authenticated(shortTermKey)).toBe(true);
    expect(message?.authenticated(Buffer.from('another'))).toBe(false);
  });

  it.each([
    ['2.2', responseOverIpv4, '192.0.2.1'],
    ['2.3', responseOverIpv6, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s: a response with an address', (_, response, address) => {
    const message = decodeMessage(response);
    expect(message?.class).toBe(messageClass.success);
    expect(message?.authenticated(shortTermKey)).toBe(true);
    const mapped = message && decodeXorAddress(message.value(attribute.xorMappedAddress), message.transactionId);
    expect(mapped).toEqual({ address, port: 32_853 });
  });

  it('2.4: a request with long-term credentials, the password already prepared', () => {
    const message = decodeMessage(longTermRequest);
    const username = message?.value(attribute.username)?.toString() ?? '';
    expect(message?.authenticated(longTermKey({ username, password: 'TheMatrIX' }, 'example.org'))).toBe(true);
  });

  it('one bit changed is noticed by the fingerprint', () => {
    const changed = Buffer.from(request);
    changed.writeUInt8(changed.readUInt8(30) ^ 1, 30);
    expect(decodeMessage(changed)).toBeUndefined();
  });
});

const transactionId = fc.uint8Array({ minLength: 12, maxLength: 12 });
const attributes = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 0xffff }).filter((type) => type !== attribute.messageIntegrity && type !== attribute.fingerprint),
    fc.uint8Array({ maxLength: 70 }),
  ),
  { maxLength: 8 },
);

describe('messages', () => {
  it('come out as they went in, signed or not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(method)),
        fc.constantFrom(...Object.values(messageClass)),
        transactionId,
        attributes,
        fc.option(fc.uint8Array({ minLength: 1, maxLength: 32 }), { nil: undefined }),
        (which, kind, id, values, key) => {
          const encoded = encodeMessage({ method: which, class: kind, transactionId: id, attributes: values }, key);
          const decoded = decodeMessage(encoded);
          expect(decoded).toMatchObject({ method: which, class: kind });
          expect(Buffer.from(decoded?.transactionId ?? [])).toEqual(Buffer.from(id));
          expect(decoded?.attributes.map(([type, value]) => [type, Buffer.from(value)])).toEqual(
            values.map(([type, value]) => [type, Buffer.from(value)]),
          );
          expect(decoded?.authenticated(key ?? Buffer.from('none'))).toBe(key !== undefined);
        },
      ),
    );
  });

  it('reading never throws, whatever comes', () => {
    const junk = fc.uint8Array({ maxLength: 120 });
    const almost = fc.tuple(fc.nat(request.length - 1), fc.nat(255), fc.nat(request.length)).map(([at, value, length]) => {
      const changed = Buffer.from(request);
      changed.writeUInt8(value, at);
      return changed.subarray(0, length);
    });
    fc.assert(
      fc.property(fc.oneof(junk, almost), (input) => {
        const message = decodeMessage(input);
        message?.authenticated(shortTermKey);
        for (const [, value] of message?.attributes ?? []) {
          decodeXorAddress(Buffer.from(value), message?.transactionId ?? new Uint8Array(12));
          decodeErrorCode(Buffer.from(value));
        }
        decodeChannelData(Buffer.from(input));
      }),
      { numRuns: 2000 },
    );
  });

  it('what stands behind the signature does not count', () => {
    const key = Buffer.from('key');
    const id = new Uint8Array(12);
    const signed = encodeMessage({ method: method.data, class: messageClass.success, transactionId: id, attributes: [] }, key);
    // In the place of the fingerprint, which is optional, an address that nobody signed.
    const forged = Buffer.concat([signed.subarray(0, -8), bytes('0016 0008 0001a147 e112a643')]);
    forged.writeUInt16BE(forged.length - 20, 2);
    const message = decodeMessage(forged);
    expect(message?.authenticated(key)).toBe(true);
    expect(message?.value(attribute.xorRelayedAddress)).toBeUndefined();
  });
});

it.each([
  { address: '192.0.2.1', port: 1 },
  { address: '2001:db8::7', port: 65_535 },
])('the address $address survives being XORed', (endpoint) => {
  const id = Buffer.from('abcdefghijkl');
  expect(decodeXorAddress(encodeXorAddress(endpoint, id), id)).toEqual(endpoint);
});

it.each([true, false])('channel data comes out as it went in, padded: %s', (padded) => {
  fc.assert(
    fc.property(fc.integer({ min: 0x4000, max: 0x4fff }), fc.uint8Array({ maxLength: 1500 }), (channel, data) => {
      const encoded = encodeChannelData(channel, data, padded);
      if (padded) expect(encoded.length % 4).toBe(0);
      expect(decodeChannelData(encoded)).toEqual({ channel, data: Buffer.from(data) });
    }),
  );
});

it('a shared secret gives credentials that end when they should', () => {
  // echo -n 1700003600:squirrel | openssl dgst -sha1 -hmac north -binary | base64
  expect(sharedSecretCredentials('squirrel', 'north', 1_700_000_000_000, 3_600_000)).toEqual({
    username: '1700003600:squirrel',
    password: 'd+vkaMxJy/w9RChdNo4hmXC4i+4=',
  });
});

describe('a connection over TCP', () => {
  const stun = encodeMessage({
    method: method.binding,
    class: messageClass.request,
    transactionId: new Uint8Array(12),
    attributes: [],
  });
  const data = encodeChannelData(0x4000, Buffer.from('abcde'), true);

  it.each([1, 3, 7, 1000])('is cut into its messages, whole, when it comes in pieces of %i bytes', (size) => {
    const splitter = new MessageSplitter();
    const bytes = Buffer.concat([stun, data, stun]);
    const cut: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) cut.push(...splitter.push(bytes.subarray(at, at + size)));
    expect(cut).toEqual([stun, data, stun]);
  });

  it('holds nothing but messages of a bounded length', () => {
    expect(() => [...new MessageSplitter().push(Buffer.alloc(12, 0xff))]).toThrow('what is not TURN');
    expect(() => [...new MessageSplitter().push(Buffer.from([0x40, 0, 0xff, 0xff]))]).toThrow('announced 65540 bytes');
  });
});
