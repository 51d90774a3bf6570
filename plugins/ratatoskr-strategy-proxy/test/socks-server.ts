import type { ByteStream, Endpoint, Net } from 'ratatoskr';
import { readExactly } from 'ratatoskr';

const succeeded = 0x00;
const connectionRefused = 0x05;
const noCommand = 0x07;

/** A SOCKS5 proxy on any network: no password, CONNECT and BIND, addresses of IPv4 (RFC 1928). @returns where it listens */
export async function serveSocks(net: Net, address: string, port: number): Promise<Endpoint> {
  const local = { address, port };
  await net.listenTcp({ local, onStream: (stream) => void serve(net, address, stream).catch(() => stream.destroy()) });
  return local;
}

async function serve(net: Net, own: string, client: ByteStream): Promise<void> {
  client.on('error', () => {});
  const read = (length: number) => readExactly(client, length, new AbortController().signal);
  const [, methods = 0] = await read(2);
  await read(methods);
  client.write(Buffer.from([5, 0]));
  const [, command] = await read(4);
  const address = [...(await read(4))].join('.');
  const target = { address, port: (await read(2)).readUInt16BE() };
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
