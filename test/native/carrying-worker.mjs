// Has links carried that are busy, and says so; whoever started it ends it then.
import { createRequire } from 'node:module';
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const addon = createRequire(import.meta.url)(workerData.addon);
const address = '127.0.0.1';
const server = net.createServer({ pauseOnConnect: true }).listen(0, address);
await new Promise((resolve) => server.once('listening', resolve));

async function pair() {
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  const near = net.connect(server.address().port, address);
  await new Promise((resolve) => near.once('connect', resolve));
  return [near, await accepted].map((socket) => socket.on('error', () => {}));
}

const greeting = Buffer.concat([Buffer.from('meta\0\x75'), Buffer.alloc(117)]);
const frame = Buffer.concat([Buffer.from([0x81, 0x80, 0x04, 4]), Buffer.alloc(65_536)]);
const key = new Uint8Array(32);
for (let i = 0; i < 20; i++) {
  const [[path, far], [socket, router]] = [await pair(), await pair()];
  const early = { fromPath: greeting, fromRouter: greeting };
  const fds = { path: path._handle.fd, router: socket._handle.fd };
  const { counters } = addon.carry(
    { ...fds, hidden: i % 2 === 0, ownKey: key, peerKey: key, ...early },
    () => {},
    () => {},
  );
  far.resume();
  router.resume();
  const pour = (stream) => {
    if (!stream.destroyed) stream.write(frame, () => pour(stream));
  };
  pour(far);
  pour(router);
  globalThis.numbers = new Float64Array(counters);
}
parentPort.postMessage('busy');
