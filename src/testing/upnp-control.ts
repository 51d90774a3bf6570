import { withDeadline } from '../core/deadline.js';
import type { ByteStream } from '../core/net.js';
import type { ActionArguments, UpnpControl } from '../core/upnp-control.js';
import { type HttpMessage, httpText, readHttp } from './http-message.js';

/** UPnP over a network of one's own, where the library that agents use has no sockets. */
export const simulatedUpnp: UpnpControl = async ({ url, net, clock, timeoutMs, signal, expired, failed }, use) => {
  const streams = new Set<ByteStream>();
  const device = new Device(url, async (target, method, headers, body) => {
    const remote = { address: target.hostname, port: Number(target.port) };
    const stream = await net.connectTcp({ remote, timeoutMs, signal });
    streams.add(stream.on('error', () => {}));
    stream.end(httpText(`${method} ${target.pathname} HTTP/1.1`, { Host: target.host, ...headers }, body));
    return await readHttp(stream);
  });
  const invoke = (action: string, args: ActionArguments) =>
    device.run(action, args).catch((error: Error) => {
      throw failed(error.message);
    });
  try {
    return await withDeadline(use(invoke), { clock, timeoutMs, signal, expired });
  } finally {
    for (const stream of streams) stream.destroy();
  }
};

type Request = (
  target: URL,
  method: 'GET' | 'POST',
  headers: Readonly<Record<string, string>>,
  body?: string,
) => Promise<HttpMessage>;

class Device {
  constructor(
    private readonly url: URL,
    private readonly request: Request,
  ) {}

  /** @returns the response by its name, as the library's body has it */
  async run(action: string, args: ActionArguments): Promise<unknown> {
    const { body: description } = await this.request(this.url, 'GET', {});
    const service = element(description, 'serviceType');
    const control = new URL(element(description, 'controlURL'), this.url);
    const values = args.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
    const soapAction = JSON.stringify(`${service}#${action}`);
    const { start, body } = await this.request(control, 'POST', { SOAPAction: soapAction }, `<${action}>${values}</${action}>`);
    if (!start.includes(' 200 ')) throw new Error(element(body, 'errorDescription'));
    const response = element(body, `u:${action}Response`);
    return { [`u:${action}Response`]: Object.fromEntries(elements(response)) };
  }
}

/** Text of the first element of a name, or nothing. */
export function element(xml: string, name: string): string {
  return new RegExp(`<${name}(?: [^>]*)?>(.*?)</${name}>`, 's').exec(xml)?.[1] ?? '';
}

/** Names and texts of elements side by side. */
export function elements(xml: string): [name: string, text: string][] {
  return [...xml.matchAll(/<(\w+)>(.*?)<\/\1>/gs)].map(([, name = '', text = '']) => [name, text]);
}
