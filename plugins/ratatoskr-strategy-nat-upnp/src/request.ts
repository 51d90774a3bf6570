import { once } from 'node:events';
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { workerData } from 'node:worker_threads';
import type { WorkerData } from './messages.js';

const { gateway } = workerData as WorkerData;

/** Descriptions and replies are a few kilobytes; in characters. */
const maxLength = 1 << 18;

interface Options {
  readonly url: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

type Callback = (error: Error | null, response?: IncomingMessage, body?: string) => void;

/**
 * What nat-upnp has instead of the package `request`: it asks nobody but the gateway, follows no redirection and takes no more than an
 * answer of a sane size. It waits as long as its thread lives.
 */
export function request(target: string | Options, callback: Callback): void {
  const options = typeof target === 'string' ? { url: target } : target;
  answer(options).then(({ response, body }) => callback(null, response, body), callback);
}

async function answer({ url, method, headers, body: sent }: Options): Promise<{ response: IncomingMessage; body: string }> {
  const target = new URL(url);
  if (target.hostname !== gateway) throw new Error('the gateway sends us to another host');
  const asking = http.request(target, { method, headers, agent: false }).end(sent);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) {
    body += chunk;
    if (body.length > maxLength) throw new Error('the gateway answers with too much');
  }
  return { response, body };
}
