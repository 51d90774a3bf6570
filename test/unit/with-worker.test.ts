import { describe, expect, it } from 'vitest';
import { type WorkerOptions, withWorker } from '../../src/core/with-worker.js';
import { FakeClock } from './fake-clock.js';

const answering = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ id, request }) => parentPort.postMessage({ id, value: request * 2 }));
`;

function options(source: string, clock: FakeClock, signal = new AbortController().signal): WorkerOptions {
  const expired = () => new Error('too late');
  return { source, data: undefined, clock, timeoutMs: 1000, signal, expired, failed: (reason) => new Error(reason) };
}

describe('a worker', () => {
  it('has the time that its calls may take once it is ready, however long that takes', async () => {
    const clock = new FakeClock();
    const gate = new SharedArrayBuffer(4);
    const slow = `
const { workerData } = require('node:worker_threads');
Atomics.wait(new Int32Array(workerData), 0, 0);
${answering}
parentPort.postMessage({ ready: true });
`;
    const doubled = withWorker({ ...options(slow, clock), data: gate }, (call) => call(21));
    await clock.advance(15_000);
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    expect(await doubled).toBe(42);
  });

  it('that is never ready is given up', async () => {
    const clock = new FakeClock();
    const doubled = withWorker(options(answering, clock), (call) => call(21));
    const refused = expect(doubled).rejects.toThrow('its worker was not ready within 20000 ms');
    await clock.advance(20_000);
    await refused;
  });

  it('that is ready and says nothing has its time', async () => {
    const clock = new FakeClock();
    const silent = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', () => parentPort.postMessage({ ready: true }));
parentPort.postMessage({ ready: true });
`;
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const silence = withWorker(options(silent, clock), (call) => {
      asked();
      return call(21);
    });
    const refused = expect(silence).rejects.toThrow('too late');
    await isAsked;
    await clock.advance(1000);
    await refused;
  });

  it('that cannot be loaded says why', async () => {
    const broken = withWorker(options("throw new Error('no such library')", new FakeClock()), (call) => call(21));
    await expect(broken).rejects.toThrow('no such library');
  });
});
