import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { UpnpControl } from '../../core/upnp-control.js';
import { withWorker } from '../../core/with-worker.js';
import { upnpWorkerSource } from './upnp-worker.js';

/** Descriptions and replies are a few kilobytes. */
const maxBytes = 1 << 18;

/** UPnP by `@silentbot1/nat-api`, in a worker with sockets of the system. */
export const systemUpnp: UpnpControl = ({ url, clock, timeoutMs, signal, expired, failed }, use) => {
  const library = pathToFileURL(createRequire(import.meta.url).resolve('@silentbot1/nat-api/lib/upnp/device.js')).href;
  const data = { url: url.href, library, maxBytes };
  return withWorker({ source: upnpWorkerSource, data, clock, timeoutMs, signal, expired, failed }, (call) =>
    use(async (action, args) => JSON.parse(z.string().parse(await call({ action, args })))),
  );
};
