/**
 * What runs in the worker of {@link systemUpnp}, as text: the library's requests cannot be called off, and a worker can be ended
 * with all its sockets. Its own `fetch`, which the library takes, reaches no host but the gateway's and follows nothing elsewhere.
 * It has no deadline of its own, which would race the client's.
 */
export const upnpWorkerSource = `
const { parentPort, workerData } = require('node:worker_threads');
const { url, library, maxBytes } = workerData;
const host = new URL(url).hostname;
const systemFetch = globalThis.fetch;
globalThis.fetch = async (target, init) => {
  if (new URL(target).hostname !== host) throw new Error('the gateway sends us to another host');
  const response = await systemFetch(target, { ...init, redirect: 'error' });
  const chunks = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new Error('the gateway answers with too much');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.status, text: async () => text };
};
const device = import(library).then(({ default: Device }) => {
  parentPort.postMessage({ ready: true });
  return new Device({ url, permanentFallback: true });
});
parentPort.on('message', async ({ id, request: { action, args } }) => {
  try {
    parentPort.postMessage({ id, value: JSON.stringify(await (await device).run(action, args)) });
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.message ?? error) });
  }
});
`;
