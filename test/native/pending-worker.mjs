// A worker thread that is busy with the addon in every way when its parent ends it.
import { createRequire } from 'node:module';
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const addon = createRequire(import.meta.url)(workerData.addon);

for (let i = 0; i < 50; i++) {
  addon.connect({ address: '127.0.0.1', port: workerData.silentPort, timeoutMs: 60_000 }, () => {});
}
net.createServer().listen({ fd: addon.listenTcp({ address: '127.0.0.1', port: 0 }).take() });
globalThis.forgotten = addon.listenTcp({ address: '127.0.0.1', port: 0 });
// Settles in the moment of the end, or just before or after it.
addon.connect({ address: '127.0.0.1', port: workerData.closedPort, timeoutMs: 60_000 }, () => {});
parentPort.postMessage('busy');
