import type { ByteStream } from '../core/net.js';

/** As much of HTTP/1.1 as UPnP needs: one message a connection and direction, whose length its header tells. */
export interface HttpMessage {
  /** Request line or status line. */
  readonly start: string;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Header lines of a message from its text. */
export function parseHttp(text: string): HttpMessage {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [start = '', ...lines] = head.split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { start, headers, body: rest.join('\r\n\r\n') };
}

/** @throws Error when the stream ends in the middle */
export async function readHttp(stream: ByteStream): Promise<HttpMessage> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    const message = parseHttp(text);
    const length = Number(message.headers.get('content-length') ?? 0);
    if (text.includes('\r\n\r\n') && message.body.length >= length) return message;
  }
  throw new Error('the connection ended in the middle of a message');
}

export function httpText(start: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${[start, ...lines].join('\r\n')}\r\n\r\n${body}`;
}
