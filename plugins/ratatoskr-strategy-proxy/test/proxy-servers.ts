import { type ByteStream, type Endpoint, type Net, readExactly } from 'ratatoskr';

const succeeded = 0x00;
const connectionRefused = 0x05;
const noCommand = 0x07;

/** A SOCKS5 proxy on any network: no password, CONNECT and BIND, addresses of IPv4 (RFC 1928). @returns its URI */
export function serveSocks(net: Net, address: string): Promise<string> {
  return listen(net, address, 'socks5', (client) => speakSocks(net, address, client));
}

/** An HTTP proxy on any network, which knows CONNECT alone. @returns its URI */
export function serveConnect(net: Net, address: string): Promise<string> {
  return listen(net, address, 'http', (client) => speakHttp(net, client));
}

async function listen(net: Net, address: string, scheme: string, speak: (client: ByteStream) => Promise<void>): Promise<string> {
  const onStream = (stream: ByteStream) => {
    stream.on('error', () => {});
    speak(stream).catch(() => stream.destroy());
  };
  await net.listenTcp({ local: { address, port: 3128 }, onStream });
  return `${scheme}://${address}:3128`;
}

async function speakHttp(net: Net, client: ByteStream): Promise<void> {
  let head = '';
  while (!head.endsWith('\r\n\r\n')) head += String(await read(client, 1));
  const [, address = '', port] = /^CONNECT ([\d.]+):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  const stream = await net.connectTcp({ remote: { address, port: Number(port) }, timeoutMs: 5000 }).catch(() => undefined);
  client.write(`HTTP/1.1 ${stream ? '200 Connection established' : '502 Bad Gateway'}\r\n\r\n`);
  if (stream) join(client, stream);
  else client.end();
}

function read(stream: ByteStream, length: number): Promise<Buffer> {
  return readExactly(stream, length, new AbortController().signal);
}

async function speakSocks(net: Net, own: string, client: ByteStream): Promise<void> {
  const [, methods = 0] = await read(client, 2);
  await read(client, methods);
  client.write(Buffer.from([5, 0]));
  const [, command] = await read(client, 4);
  const address = [...(await read(client, 4))].join('.');
  const target = { address, port: (await read(client, 2)).readUInt16BE() };
  if (command === 1) await connect(net, client, target);
  else if (command === 2) await bind(net, own, client);
  else client.end(reply(noCommand, target));
}

async function connect(net: Net, client: ByteStream, target: Endpoint): Promise<void> {
  try {
    const stream = await net.connectTcp({ remote: target, timeoutMs: 5000 });
    client.write(reply(succeeded, target));
    join(client, stream);
  } catch {
    client.end(reply(connectionRefused, target));
  }
}

async function bind(net: Net, own: string, client: ByteStream): Promise<void> {
  const listener = await net.listenTcp({
    local: { address: own, port: 0 },
    onStream: (stream) => {
      void listener.close();
      // Both at once, so that what the caller says first may come with the answer.
      client.write(reply(succeeded, { address: stream.remoteAddress ?? own, port: stream.remotePort ?? 0 }));
      join(client, stream);
    },
  });
  client.once('close', () => void listener.close());
  client.write(reply(succeeded, { address: own, port: listener.local?.port ?? 0 }));
}

function join(one: ByteStream, other: ByteStream): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => {});
    from.once('close', () => to.destroy());
    from.pipe(to);
  }
}

function reply(code: number, { address, port }: Endpoint): Buffer {
  return Buffer.from([5, code, 0, 1, ...address.split('.').map(Number), port >> 8, port & 0xff]);
}
