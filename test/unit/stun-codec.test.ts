import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import codec from '#stun-codec';
import { decodeBindingResponse, encodeBindingRequest, messageLength } from '../../src/discovery/stun/codec.js';

const id = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');
const { attributeType, messageType } = codec;

function response(...attributes: [type: number, address: string, port: number][]): Buffer {
  const message = codec.createMessage(messageType.BINDING_RESPONSE, id);
  for (const attribute of attributes) message.addAttribute(...attribute);
  return codec.encode(message);
}

// RFC 5769 §2.2 and §2.3, from 0101 to the end of the fingerprint.
const rfc5769IPv4 = Buffer.from(
  '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643' +
    '000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96',
  'hex',
);
const rfc5769IPv6 = Buffer.from(
  '010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9' +
    '00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c',
  'hex',
);

describe('a Binding request', () => {
  test('is a header with the magic cookie and the transaction id', () => {
    expect(Buffer.from(encodeBindingRequest(id)).toString('hex')).toBe(`000100002112a442${id.toString('hex')}`);
  });
});

describe('a Binding response', () => {
  test('of RFC 5769 §2.2 is read (IPv4)', () => {
    expect(decodeBindingResponse(rfc5769IPv4, id)).toEqual({ mapped: { address: '192.0.2.1', port: 32853 } });
  });

  test('of RFC 5769 §2.3 is read (IPv6)', () => {
    expect(decodeBindingResponse(rfc5769IPv6, id)).toEqual({
      mapped: { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 },
    });
  });

  test('is read by XOR-MAPPED-ADDRESS when it has both, in whatever order', () => {
    const plain: [number, string, number] = [attributeType.MAPPED_ADDRESS, '192.168.0.1', 1];
    const xored: [number, string, number] = [attributeType.XOR_MAPPED_ADDRESS, '20.0.0.1', 2];
    for (const bytes of [response(plain, xored), response(xored, plain)]) {
      expect(decodeBindingResponse(bytes, id)).toEqual({ mapped: { address: '20.0.0.1', port: 2 } });
    }
  });

  test('is read by MAPPED-ADDRESS when it has no other', () => {
    expect(decodeBindingResponse(response([attributeType.MAPPED_ADDRESS, '20.0.0.1', 2]), id)).toEqual({
      mapped: { address: '20.0.0.1', port: 2 },
    });
  });

  test('with an IPv4 address in IPv6 clothes gives the IPv4 address', () => {
    expect(decodeBindingResponse(response([attributeType.XOR_MAPPED_ADDRESS, '::ffff:20.0.0.1', 2]), id)).toEqual({
      mapped: { address: '20.0.0.1', port: 2 },
    });
  });

  test('keeps every address and port, the ones that XOR to zero included', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.constant('33.18.164.66')),
        fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constant(0x2112)),
        (address, port) => {
          expect(decodeBindingResponse(response([attributeType.XOR_MAPPED_ADDRESS, address, port]), id)).toEqual({
            mapped: { address, port },
          });
        },
      ),
    );
  });

  test('that refuses says why', () => {
    const refusal = codec.createMessage(messageType.BINDING_ERROR_RESPONSE, id);
    refusal.addAttribute(attributeType.ERROR_CODE, 401, 'Unauthorized');
    expect(decodeBindingResponse(codec.encode(refusal), id)).toEqual({ refused: 'Unauthorized' });
  });

  test.each([
    ['without an address', response()],
    ['with port 0', response([attributeType.MAPPED_ADDRESS, '20.0.0.1', 0])],
    ['to another request', Buffer.from(rfc5769IPv4).fill(0, 8, 20)],
    ['without the magic cookie', Buffer.from(rfc5769IPv4).fill(0, 4, 8)],
    ['that is our own request', Buffer.from(encodeBindingRequest(id))],
    ['cut short', rfc5769IPv4.subarray(0, -1)],
    ['of nothing', Buffer.alloc(0)],
  ])('%s is none', (_what, bytes) => {
    expect(decodeBindingResponse(bytes, id)).toBeUndefined();
  });

  test('made of junk, or damaged in one byte, never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => void decodeBindingResponse(junk, id)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (body) => {
        const header = Buffer.from(rfc5769IPv4.subarray(0, 20));
        header.writeUInt16BE(body.length, 2);
        decodeBindingResponse(Buffer.concat([header, body]), id);
      }),
    );
    fc.assert(
      fc.property(fc.nat(rfc5769IPv6.length - 1), fc.integer({ min: 0, max: 255 }), (index, byte) => {
        const damaged = Buffer.from(rfc5769IPv6);
        damaged[index] = byte;
        decodeBindingResponse(damaged, id);
      }),
    );
  });
});

describe('the length of a message', () => {
  test('is told by its header', () => {
    expect(messageLength(rfc5769IPv4)).toBe(rfc5769IPv4.length);
    expect(messageLength(rfc5769IPv4.subarray(0, 20))).toBe(rfc5769IPv4.length);
  });

  test('is unknown for what is no STUN', () => {
    expect(messageLength(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))).toBeUndefined();
    expect(messageLength(rfc5769IPv4.subarray(0, 19))).toBeUndefined();
  });
});
