import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { ByteStream } from '../../src/core/net.js';
import { SimulatedNetwork } from '../../src/testing.js';

describe('TCP on the simulated network', () => {
  it('connects hosts behind NATs to a public one, and carries bytes both ways with half-close', async () => {
    const world = new SimulatedNetwork();
    const home = world.nat();
    const host = home.host('a');
    const server = world.host('server');
    const questions: string[] = [];
    const answer = (stream: ByteStream) => {
      stream.on('data', (chunk: Buffer) => questions.push(`${stream.remoteAddress} ${chunk}`));
      stream.on('end', () => stream.end('answer'));
    };
    await server.net.listenTcp({ local: { address: '0.0.0.0', port: 80 }, onStream: answer });
    const ask = async () => {
      const stream = await host.net.connectTcp({ remote: { address: server.address, port: 80 }, timeoutMs: 1000 });
      stream.end('question');
      return text(stream);
    };
    expect(await world.until(ask())).toBe('answer');
    expect(questions).toEqual([`${home.router.externalAddresses[0]} question`]);
  });

  it('carries a lot over a bad line', async () => {
    const world = new SimulatedNetwork();
    const line = { delayMs: 20, jitterMs: 2, loss: 0.02, reorder: 0.02, duplicate: 0.02, bytesPerSecond: 2_000_000 };
    const [a, b] = [world.host('a', { line }), world.host('b', { line })];
    const data = Buffer.from(world.random.bytes(1 << 20));
    const received: Buffer[] = [];
    let done: Promise<unknown> | undefined;
    await b.net.listenTcp({
      local: { address: '0.0.0.0', port: 80 },
      onStream: (stream) => {
        stream.on('data', (chunk: Buffer) => received.push(chunk));
        done = once(stream, 'end');
      },
    });
    const stream = await world.until(a.net.connectTcp({ remote: { address: b.address, port: 80 }, timeoutMs: 9000 }));
    stream.end(data);
    await world.until(once(stream, 'finish'));
    await world.until(done as Promise<unknown>);
    expect(Buffer.concat(received).equals(data)).toBe(true);
  });
});
