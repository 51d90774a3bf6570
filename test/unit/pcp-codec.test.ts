import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePcpResponse, encodePcpAnnounce, encodePcpMap, pcpResults } from '../../src/discovery/gateway/pcp-codec.js';

const nonce = Buffer.from('000102030405060708090a0b', 'hex');
const request = { clientAddress: '192.168.1.2', nonce, transport: 'tcp', internalPort: 5000, externalPort: 6000 } as const;

/** What a server makes of a request: version 2, R bit, result, lifetime, epoch, the rest as it came (RFC 6887 §7.2, §11.1). */
function answerTo(packet: Buffer, { result = 0, lifetime = 120, epoch = 7, external = '::ffff:20.0.1.2' } = {}): Buffer {
  const answer = Buffer.from(packet);
  answer[1] = (answer[1] ?? 0) | 0x80;
  answer[3] = result;
  answer.writeUInt32BE(lifetime, 4);
  answer.fill(0, 8, 24).writeUInt32BE(epoch, 8);
  if (answer.length === 60 && external === '::ffff:20.0.1.2') answer.set([...Array(10).fill(0), 255, 255, 20, 0, 1, 2], 44);
  return answer;
}

describe('a PCP request', () => {
  it('to map has the 60 bytes of RFC 6887 §7.1 and §11.1', () => {
    expect(encodePcpMap({ ...request, lifetimeSeconds: 3600 }).toString('hex')).toBe(
      [
        '02010000' + '00000e10' + '00000000000000000000ffffc0a80102',
        '000102030405060708090a0b' + '06000000' + '13881770' + '00000000000000000000ffff00000000',
      ].join(''),
    );
  });

  it('for a pinhole names our IPv6 address and suggests none', () => {
    const packet = encodePcpMap({ ...request, clientAddress: '2001:db8::2', lifetimeSeconds: 1 });
    expect(packet.subarray(8, 24).toString('hex')).toBe('20010db8000000000000000000000002');
    expect(packet.subarray(44).every((byte) => byte === 0)).toBe(true);
  });

  it('to announce is a header alone', () => {
    expect(encodePcpAnnounce('192.168.1.2').toString('hex')).toBe('020000000000000000000000000000000000ffffc0a80102');
  });
});

describe('a PCP response', () => {
  it('carries the mapping that was given', () => {
    expect(decodePcpResponse(answerTo(encodePcpMap({ ...request, lifetimeSeconds: 3600 })))).toEqual({
      opcode: 1,
      result: 'SUCCESS',
      lifetimeSeconds: 120,
      epochSeconds: 7,
      mapping: { nonce, transport: 'tcp', internalPort: 5000, externalPort: 6000, externalAddress: '20.0.1.2' },
    });
  });

  it.each(pcpResults.map((name, number) => [number, name] as const))('with result %i is %s', (result, name) => {
    expect(decodePcpResponse(answerTo(encodePcpAnnounce('10.0.0.1'), { result }))).toMatchObject({ result: name });
  });

  it('of NAT-PMP tells that the server speaks version 0 (appendix A)', () => {
    expect(decodePcpResponse(Buffer.from('0080000100000007', 'hex'))).toEqual({ otherVersion: 0 });
  });

  it('is none when the R bit is missing', () => {
    expect(decodePcpResponse(encodePcpAnnounce('10.0.0.1'))).toBeUndefined();
  });

  it('gives back what was asked, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.constantFrom('tcp' as const, 'udp' as const),
        fc.integer({ min: 1, max: 65_535 }),
        fc.integer({ min: 0, max: 65_535 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        (bytes, transport, internalPort, externalPort, lifetime) => {
          const asked = { ...request, nonce: bytes, transport, internalPort, externalPort, lifetimeSeconds: lifetime };
          expect(decodePcpResponse(answerTo(encodePcpMap(asked), { lifetime }))).toMatchObject({
            lifetimeSeconds: lifetime,
            mapping: { nonce: Buffer.from(bytes), transport, internalPort, externalPort },
          });
        },
      ),
    );
  });

  it('of any bytes never throws', () => {
    const header = fc.constantFrom([2, 0x80], [2, 0x81], [0, 0x80], [1, 1]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 1200 }), (start, rest) => {
        expect(() => decodePcpResponse(Buffer.from([...start, ...rest]))).not.toThrow();
      }),
    );
  });
});
