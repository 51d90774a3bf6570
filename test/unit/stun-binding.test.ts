import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import { encodeBindingRequest } from '../../src/discovery/stun/codec.js';
import { bindOverTcp } from '../../src/discovery/stun/tcp-binding.js';
import { type Behaviour, bindingResponse, honest, junk, silent, stunServer } from './stun-server.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connected(behaviour: Behaviour): Promise<net.Socket> {
  const server = await stunServer(behaviour);
  cleanups.push(() => server.close());
  const socket = net.connect(Number(server.name.split(':')[1]), '127.0.0.1');
  cleanups.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function bind(stream: net.Socket, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  return bindOverTcp(stream, { clock: systemClock, random: systemRandom, timeoutMs: 5_000, ...options });
}

describe('a Binding over TCP', () => {
  test('tells where the server sees the connection, and leaves it open without listeners', async () => {
    const stream = await connected(honest);
    expect(await bind(stream)).toEqual({ address: '127.0.0.1', port: stream.localPort });
    expect(stream.destroyed).toBe(false);
    expect(stream.listenerCount('data')).toBe(0);
    expect(stream.listenerCount('error')).toBe(0);
  });

  test('can be repeated on the same connection', async () => {
    const stream = await connected(honest);
    expect(await bind(stream)).toEqual(await bind(stream));
  });

  test('puts an answer together that comes byte by byte', async () => {
    const stream = await connected((socket) => {
      socket.setNoDelay();
      socket.on('data', (request) => {
        const bytes = [...bindingResponse(request, { address: '20.0.0.1', port: 9 })];
        const next = () => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(Uint8Array.of(byte), () => setImmediate(next));
        };
        next();
      });
    });
    expect(await bind(stream)).toEqual({ address: '20.0.0.1', port: 9 });
  });

  test('passes over answers to questions that it did not ask', async () => {
    const stream = await connected((socket) => {
      socket.on('data', (request) => {
        const stray = bindingResponse(Buffer.from(encodeBindingRequest(Buffer.alloc(12, 7))), { address: '20.6.6.6', port: 6 });
        socket.write(Buffer.concat([stray, bindingResponse(request, { address: '20.0.0.1', port: 9 })]));
      });
    });
    expect(await bind(stream)).toEqual({ address: '20.0.0.1', port: 9 });
  });

  test('fails on what is not STUN', async () => {
    await expect(bind(await connected(junk))).rejects.toMatchObject({ code: 'EPROTO' });
  });

  test('fails on a message too large to be an answer, before it has come', async () => {
    const stream = await connected((socket) => {
      const header = Buffer.from(encodeBindingRequest(Buffer.alloc(12)));
      header.writeUInt16BE(0xfffc, 2);
      socket.write(header);
    });
    await expect(bind(stream)).rejects.toMatchObject({ code: 'EPROTO', message: expect.stringContaining('65552 bytes') });
  });

  test('fails on a flood of answers to nothing', async () => {
    const stray = bindingResponse(Buffer.from(encodeBindingRequest(Buffer.alloc(12, 7))), { address: '20.6.6.6', port: 6 });
    const stream = await connected((socket) => void socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => stray))));
    await expect(bind(stream)).rejects.toMatchObject({ code: 'EPROTO', message: expect.stringContaining('a lot') });
  });

  test('fails when the server hangs up', async () => {
    await expect(bind(await connected((socket) => socket.on('data', () => socket.end())))).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
  });

  test('fails at once on a connection that is gone', async () => {
    const stream = await connected(silent);
    stream.destroy();
    await expect(bind(stream)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('fails when the answer takes too long', async () => {
    await expect(bind(await connected(silent), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('ends with the reason of its signal, before it began as well', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = bind(await connected(silent), { signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(bind(await connected(honest), { signal: controller.signal })).rejects.toBe(reason);
  });
});
