import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RouterPeer } from '../../../src/core/router.js';
import { LoopbackRouter, peerOf } from '../router/loopback-router.js';

describe('a recorded link handshake, played to a peering that pins its key,', () => {
  it('is taken for the peer where the password is the same: the attack is real', async () => {
    const { key, victim } = await replay({ recordedWith: 'first', playedTo: 'first' });
    expect(victim).toMatchObject({ up: true, key });
  });

  it('is taken for nobody where the bridge has a password of its own', async () => {
    const { victim } = await replay({ recordedWith: 'first', playedTo: 'second' });
    expect(victim).toMatchObject({ key: undefined, lastError: 'password does not match remote side' });
  });
});

/** @returns the key that the handshake is of, and how the other router sees the peering it was played to */
async function replay({ recordedWith, playedTo }: { recordedWith: string; playedTo: string }) {
  const [victim, peer] = [await LoopbackRouter.start(), await LoopbackRouter.start()];
  const [{ router: victimRouter }, { router: peerRouter }] = [await victim.client(), await peer.client()];

  const recorder = join(peer.folder, 'recorder.sock');
  const recorded = new Promise<Buffer>((resolve) => listen(recorder, (socket) => void readHandshake(socket).then(resolve)));
  await peerRouter.addPeer(`unix://${recorder}?key=${victim.key}&password=${recordedWith}&maxbackoff=5s`);
  const handshake = await recorded;

  const player = join(victim.folder, 'player.sock');
  listen(player, (socket) => void socket.write(handshake));
  const uri = `unix://${player}?key=${peer.key}&password=${playedTo}&maxbackoff=5s`;
  await victimRouter.addPeer(uri);
  const judged = ({ key, lastError }: RouterPeer) => key !== undefined || lastError !== undefined;
  return { key: peer.key, victim: await peerOf(victimRouter, uri, judged) };
}

/** `meta`, the length of the rest in two bytes, the rest. */
async function readHandshake(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 6 && bytes.length >= 6 + bytes.readUInt16BE(4)) break;
  }
  return bytes;
}

/** Until the test is over. */
function listen(path: string, onSocket: (socket: Socket) => void): void {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  }).listen(path);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}
