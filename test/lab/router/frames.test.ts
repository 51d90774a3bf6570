import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { FrameScanner } from '../../../src/core/frames/frame-scanner.js';
import { frameType } from '../../../src/core/frames/frame-types.js';
import { cutAt } from '../../unit/link-frames.js';
import { LoopbackRouter, peerOf } from './loopback-router.js';

/** What two routers say to each other in their first seconds: the bytes of each. */
async function conversation() {
  const routers = [await LoopbackRouter.start(), await LoopbackRouter.start()] as const;
  const said: [Buffer[], Buffer[]] = [[], []];
  const dialled = [0, 1].map(async (side) => {
    const path = join(routers[0].folder, `${side}.sock`);
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    const socket = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
    return { uri: `unix://${path}`, socket };
  });
  const ends = await Promise.all(dialled);
  const clients = [await routers[0].client(), await routers[1].client()] as const;
  await Promise.all(ends.map(({ uri }, side) => clients[side as 0 | 1].router.addPeer(uri)));
  const sockets = await Promise.all(ends.map(({ socket }) => socket));
  for (const [side, socket] of sockets.entries()) {
    socket.on('data', (chunk: Buffer) => {
      said[side as 0 | 1].push(chunk);
      sockets[1 - side]?.write(chunk);
    });
    socket.on('error', () => {});
  }
  await Promise.all(ends.map(({ uri }, side) => peerOf(clients[side as 0 | 1].router, uri, ({ up }) => up)));
  // Trees, filters and the answers to them: a few of the routers' rounds of a second.
  await delay(4000);
  return { keys: routers.map(({ key }) => Buffer.from(key, 'hex')), said: said.map((chunks) => Buffer.concat(chunks)) };
}

it('every byte of two real routers is found to be of a frame, however it is cut', async () => {
  const { keys, said } = await conversation();
  for (const [side, stream] of said.entries()) {
    const [source, destination] = [keys[side] ?? Buffer.alloc(32), keys[1 - side] ?? Buffer.alloc(32)];
    const typesOf = (chunks: readonly Buffer[]) => {
      const types: number[] = [];
      const passed: Buffer[] = [];
      const sink = { pass: (bytes: Buffer) => passed.push(Buffer.from(bytes)), dropped() {}, taken() {}, transit() {} };
      const judge = (type: number) => {
        types.push(type);
        return 'pass' as const;
      };
      const scanner = new FrameScanner({ judge, sink, source, destination });
      for (const chunk of chunks) scanner.scan(chunk);
      expect(scanner.untilBoundary).toBe(0);
      expect(Buffer.concat(passed).equals(stream)).toBe(true);
      return types;
    };
    const types = typesOf([stream]);
    expect(types).toEqual(expect.arrayContaining([frameType.signatureRequest, frameType.signatureResponse]));
    expect(types.every((type) => type >= 1 && type <= frameType.traffic)).toBe(true);
    expect(
      typesOf(
        cutAt(
          stream,
          Array.from({ length: stream.length }, () => 0),
        ),
      ),
    ).toEqual(types);
    expect(
      typesOf(
        cutAt(
          stream,
          Array.from({ length: 200 }, (_, i) => i * 7),
        ),
      ),
    ).toEqual(types);
  }
});
