import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { type SealingOptions, seal } from '../../src/core/sealing.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock } from './fake-clock.js';
import { readAll, readText } from './read-all.js';

const secret = new Uint8Array(32).fill(1);
/** Of a server that nobody knows; made for this test, valid until 2126. */
const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJwAuelpPOTrKLHkh
vhdw1hTgIJsQAkEcU4FfQRZfBUqhRANCAARlPzBw72rqdG8skwLl2Q74UDeR9eW4
H81flaA8gKQUPWsJtsZONA2Qjtc9lPL2RCtRkqGmBZliEqHRraXk7isg
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUWpUySSdzwkFxdJ+29SGoALzdRi4wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwNTE0MTBaGA8yMTI2MTAyODA1MTQx
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGU/
MHDvaup0byyTAuXZDvhQN5H15bgfzV+VoDyApBQ9awm2xk40DZCO1z2U8vZEK1GS
oaYFmWISodGtpeTuKyCjUzBRMB0GA1UdDgQWBBQ0j6E7pBeurrWFfz84wGP3NLg4
PTAfBgNVHSMEGDAWgBQ0j6E7pBeurrWFfz84wGP3NLg4PTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDYKPBnQun6aWibd4EYyMRMeyIgXJ4b5hVP
E+EXZTitwwIhAJTEhTSwHeFNP+/h0ueou4zXyFmv70LlwfdjsXgyevRa
-----END CERTIFICATE-----
`,
};
const signal = new AbortController().signal;

function sealBoth(
  streams: readonly [Duplex, Duplex],
  secrets = [secret, secret] as const,
  options: Partial<SealingOptions> = {},
) {
  const common = { clock: systemClock, signal, ...options };
  return [
    seal(streams[0], { ...common, secret: secrets[0], role: 'controlling' }),
    seal(streams[1], { ...common, secret: secrets[1], role: 'controlled' }),
  ] as const;
}

describe('sealing', () => {
  it('carries bytes both ways at once, unharmed', async () => {
    const [one, other] = await Promise.all(sealBoth(duplexPair()));
    const payloads = [randomBytes(4 << 20), randomBytes(4 << 20)] as const;
    one.end(payloads[0]);
    other.end(payloads[1]);
    const [atOne, atOther] = await Promise.all([readAll(one), readAll(other)]);
    expect(atOther.equals(payloads[0]) && atOne.equals(payloads[1])).toBe(true);
  });

  it('shows nothing of what it carries', async () => {
    const streams = duplexPair();
    const seen: Buffer[] = [];
    const write = streams[0].write.bind(streams[0]) as (chunk: Buffer, ...rest: unknown[]) => boolean;
    streams[0].write = ((chunk: Buffer, ...rest: unknown[]) => {
      seen.push(Buffer.from(chunk));
      return write(chunk, ...rest);
    }) as Duplex['write'];
    const [one, other] = await Promise.all(sealBoth(streams));
    one.end('a sentence in the clear');
    expect(await readText(other)).toBe('a sentence in the clear');
    const wire = Buffer.concat(seen);
    expect(wire.length).toBeGreaterThan(100);
    expect(wire.includes('a sentence')).toBe(false);
  });

  it('goes on in one direction when the other has ended', async () => {
    const [one, other] = await Promise.all(sealBoth(duplexPair()));
    one.end('question');
    expect(await readText(other)).toBe('question');
    other.end('answer');
    expect(await readText(one)).toBe('answer');
  });

  it('holds a sender back whose reader is paused', async () => {
    const [one, other] = await Promise.all(sealBoth(duplexPair()));
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    while (written < 8 << 20 && one.write(chunk)) written += chunk.length;
    expect(written).toBeLessThan(1 << 20);
    const drained = once(one, 'drain');
    other.resume();
    await drained;
  });

  it('fails at both ends when one has another secret, and destroys the streams', async () => {
    const streams = duplexPair();
    const [one, other] = sealBoth(streams, [secret, new Uint8Array(32).fill(2)]);
    const results = await Promise.allSettled([one, other]);
    expect(results.map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
      'SEALING_FAILED',
      'SEALING_FAILED',
    ]);
    expect(streams.every((stream) => stream.destroyed)).toBe(true);
  });

  it('fails when the other end offers a certificate instead of the secret', async () => {
    const streams = duplexPair();
    const { key, cert } = selfSigned;
    const server = tls.createServer({ key, cert, minVersion: 'TLSv1.3' });
    server.on('tlsClientError', () => {});
    server.emit('connection', streams[1]);
    const sealing = seal(streams[0], { secret, role: 'controlling', clock: systemClock, signal });
    await expect(sealing).rejects.toMatchObject({ code: 'SEALING_FAILED' });
  });

  it('fails when the other end says nothing until the deadline', async () => {
    const clock = new FakeClock();
    const [stream] = duplexPair();
    const sealing = seal(stream, { secret, role: 'controlled', clock, signal, timeoutMs: 3000 });
    const expectation = expect(sealing).rejects.toMatchObject({ code: 'SEALING_FAILED' });
    await clock.advance(3000);
    await expectation;
    expect([stream.destroyed, clock.pending]).toEqual([true, 0]);
  });

  it('fails when what comes is not TLS', async () => {
    const [stream, other] = duplexPair();
    const sealing = seal(stream, { secret, role: 'controlled', clock: systemClock, signal });
    other.on('error', () => {});
    other.write(randomBytes(1000));
    await expect(sealing).rejects.toMatchObject({ code: 'SEALING_FAILED' });
  });

  it('rejects with the reason when it is called off, and destroys the stream', async () => {
    const calledOff = new AbortController();
    const [stream] = duplexPair();
    const sealing = seal(stream, { secret, role: 'controlling', clock: systemClock, signal: calledOff.signal });
    calledOff.abort(new Error('enough'));
    await expect(sealing).rejects.toThrow('enough');
    expect(stream.destroyed).toBe(true);
  });

  it('ends with an error when the stream beneath is cut, not as if the other end had finished', async () => {
    const streams = duplexPair();
    const [one, other] = await Promise.all(sealBoth(streams));
    const ended: string[] = [];
    other.resume().on('end', () => ended.push('end'));
    one.write('x');
    const closed = once(other, 'close').catch(() => {});
    streams[1].destroy(new Error('cut'));
    await closed;
    expect(ended).toEqual([]);
  });
});
