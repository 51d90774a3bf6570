import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeNatPmpResponse,
  encodeNatPmpAddressRequest,
  encodeNatPmpMap,
  natPmpResults,
} from '../../src/discovery/gateway/nat-pmp-codec.js';

/** What a server makes of a request to map (RFC 6886 §3.3). */
function answerTo(packet: Buffer, result = 0): Buffer {
  const answer = Buffer.alloc(16);
  answer.writeUInt8(128 + packet.readUInt8(1), 1);
  answer.writeUInt16BE(result, 2);
  answer.writeUInt32BE(99, 4);
  packet.copy(answer, 8, 4, 12);
  return answer;
}

describe('NAT-PMP', () => {
  it('asks for the external address with two bytes', () => {
    expect(encodeNatPmpAddressRequest().toString('hex')).toBe('0000');
  });

  it('asks for a mapping with the twelve bytes of RFC 6886 §3.3', () => {
    const packet = encodeNatPmpMap({ transport: 'tcp', internalPort: 5000, externalPort: 6000, lifetimeSeconds: 3600 });
    expect(packet.toString('hex')).toBe('00020000' + '13881770' + '00000e10');
  });

  it('reads the external address', () => {
    expect(decodeNatPmpResponse(Buffer.from('008000000000006314000102', 'hex'))).toEqual({
      kind: 'address',
      result: 'SUCCESS',
      epochSeconds: 99,
      externalAddress: '20.0.1.2',
    });
  });

  it('reads a refusal that is cut short', () => {
    expect(decodeNatPmpResponse(Buffer.from('0082000200000063', 'hex'))).toMatchObject({ kind: 'map', result: 'NOT_AUTHORIZED' });
  });

  it.each(natPmpResults.map((name, number) => [number, name] as const))('knows result %i as %s', (number, name) => {
    const packet = encodeNatPmpMap({ transport: 'udp', internalPort: 1, externalPort: 1, lifetimeSeconds: 1 });
    expect(decodeNatPmpResponse(answerTo(packet, number))).toMatchObject({ result: name, transport: 'udp' });
  });

  it('gives back what was asked, whatever it is', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(port, port, fc.integer({ min: 0, max: 0xffffffff }), (internalPort, externalPort, lifetimeSeconds) => {
        const mapping = { internalPort, externalPort, lifetimeSeconds };
        expect(decodeNatPmpResponse(answerTo(encodeNatPmpMap({ transport: 'tcp', ...mapping })))).toMatchObject({ mapping });
      }),
    );
  });

  it('never throws, whatever comes', () => {
    const header = fc.constantFrom([0, 128], [0, 129], [0, 130], [2, 128]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 40 }), (start, rest) => {
        expect(() => decodeNatPmpResponse(Buffer.from([...start, ...rest]))).not.toThrow();
      }),
    );
  });
});
