import type { EventEmitter } from 'node:events';

/** Descriptions and replies are a few kilobytes. */
const maxBytes = 1 << 18;

type Callback = (error: Error | null, response?: unknown, body?: unknown) => void;
/** As nat-upnp calls the package `request`. */
type Request = (target: string | { readonly url: string }, callback: Callback) => EventEmitter & { abort(): void };

/** Keeps the requests of nat-upnp to the gateway and to answers of a sane size. To be called before it is loaded, in its thread. */
export function guardRequests(require: NodeJS.Require, gateway: string): void {
  const file = require.resolve('request', { paths: [require.resolve('nat-upnp')] });
  const request = require(file) as Request;
  const guarded = (target: string | { readonly url: string }, callback: Callback) => {
    const options = typeof target === 'string' ? { url: target } : target;
    if (new URL(options.url).hostname !== gateway) return callback(new Error('the gateway sends us to another host'));
    let length = 0;
    const running = request(Object.assign({ followRedirect: false }, options), callback);
    running.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) return;
      running.abort();
      callback(new Error('the gateway answers with too much'));
    });
  };
  const loaded = require.cache[file];
  if (loaded) loaded.exports = guarded;
}
