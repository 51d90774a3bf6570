import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ProxyClient } from '../src/proxy-client.js';
import type { ProxyAddress } from '../src/proxy-uri.js';
import { loopbackNet, machineClock, type ScriptedServer, scriptedServer } from './loopback-net.js';

const target = { address: '20.0.1.2', port: 443 };
const credentials = { user: 'ann', password: 's3cret' };
const { signal } = new AbortController();

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function clientOf(
  protocol: ProxyAddress['protocol'],
  onData: (sofar: Buffer, socket: Socket) => void,
  known: typeof credentials | undefined = undefined,
): Promise<ProxyClient> {
  server = await scriptedServer(onData);
  const address = { protocol, host: '127.0.0.1', port: server.port };
  return new ProxyClient({ address, credentials: async () => known, net: loopbackNet, clock: machineClock });
}

/** Sends the answers one by one, each when as many bytes have come in all. */
function answering(...answers: readonly (readonly [number, Buffer | string])[]) {
  const left = [...answers];
  return (sofar: Buffer, socket: Socket) => {
    while (left[0] !== undefined && sofar.length >= left[0][0]) socket.write(left.shift()?.[1] ?? '');
  };
}

const bytes = (...values: number[]) => Buffer.from(values);
const accepted = bytes(5, 0, 0, 1, 20, 0, 9, 9, 0x12, 0x34);

describe('a SOCKS5 proxy', () => {
  test('gets the user and password it asks for, then the target', async () => {
    const client = await clientOf('socks5', answering([4, bytes(5, 2)], [16, bytes(1, 0)], [26, accepted]), credentials);
    const stream = await client.connect(target, signal);
    const login = Buffer.concat([bytes(1, 3), Buffer.from('ann'), bytes(6), Buffer.from('s3cret')]);
    expect(server?.heard()).toEqual(Buffer.concat([bytes(5, 2, 0, 2), login, bytes(5, 1, 0, 1, 20, 0, 1, 2, 1, 0xbb)]));
    stream.destroy();
  });

  test('is told an IPv6 target in sixteen bytes, and may answer with one or with a name', async () => {
    const name = Buffer.concat([bytes(5, 0, 0, 3, 4), Buffer.from('here'), bytes(0, 80)]);
    const client = await clientOf('socks5', answering([3, bytes(5, 0)], [25, name]));
    const stream = await client.connect({ address: '2a00:0:12::9.8.7.6', port: 443 }, signal);
    const address = bytes(0x2a, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 9, 8, 7, 6);
    expect(server?.heard().subarray(3)).toEqual(Buffer.concat([bytes(5, 1, 0, 4), address, bytes(1, 0xbb)]));
    stream.destroy();
  });

  test('leaves what follows its answer to the peer', async () => {
    const answer = Buffer.concat([accepted, Buffer.from('words of the peer')]);
    const client = await clientOf('socks5', answering([3, bytes(5, 0)], [13, answer]));
    const stream = await client.connect(target, signal);
    expect(String(stream.read())).toBe('words of the peer');
    stream.destroy();
  });

  test('that binds a port for a caller hands over the connection when it comes', async () => {
    const caller = Buffer.concat([accepted, Buffer.from('words of the caller')]);
    const client = await clientOf('socks5', answering([3, bytes(5, 0)], [13, accepted], [13, caller]));
    const bound = await client.bind(signal);
    expect(bound.endpoint).toEqual({ address: '20.0.9.9', port: 0x1234 });
    const stream = await bound.caller;
    expect(String(stream.read())).toBe('words of the caller');
    stream.destroy();
  });

  test('that binds an unspecified address is known by its own', async () => {
    const client = await clientOf('socks5', answering([3, bytes(5, 0)], [13, bytes(5, 0, 0, 1, 0, 0, 0, 0, 4, 1)]));
    const over = new AbortController();
    const bound = await client.bind(over.signal);
    expect(bound.endpoint).toEqual({ address: '127.0.0.1', port: 1025 });
    over.abort(new Error('enough'));
    await expect(bound.caller).rejects.toThrow('enough');
  });

  test.each([
    ['wants a password that there is none of', [[3, bytes(5, 0xff)]], undefined, 'wants a user and a password'],
    [
      'takes a password for wrong',
      [
        [4, bytes(5, 2)],
        [16, bytes(1, 1)],
      ],
      credentials,
      'takes the user and password for wrong',
    ],
    ['chooses what was not offered', [[3, bytes(5, 2)]], undefined, 'wants a user and a password'],
    ['speaks something else', [[3, 'HTTP/1.1 400 Bad Request\r\n\r\n']], undefined, 'speaks no SOCKS5'],
    [
      'refuses the target',
      [
        [3, bytes(5, 0)],
        [13, bytes(5, 2, 0, 1)],
      ],
      undefined,
      'not allowed by its rules',
    ],
    [
      'answers with an unheard-of address',
      [
        [3, bytes(5, 0)],
        [13, bytes(5, 0, 0, 9)],
      ],
      undefined,
      'no known type',
    ],
  ] as const)('that %s is told to the operator', async (_what, answers, known, complaint) => {
    const client = await clientOf('socks5', answering(...answers), known);
    const error = await client.connect(target, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StrategyError', code: 'STRATEGY_NO_PATH' });
    expect(String(error)).toContain(complaint);
    expect(String(error)).not.toContain(credentials.password);
  });

  test('that hangs up is told to the operator by its name', async () => {
    const client = await clientOf('socks5', (_sofar, socket) => socket.end());
    await expect(client.connect(target, signal)).rejects.toThrow(/^The proxy 127\.0\.0\.1:\d+ ended the conversation/);
  });
});

describe('an HTTP proxy', () => {
  const ok = 'HTTP/1.1 200 Connection established\r\n\r\n';
  const whenAsked = (answer: string) => (sofar: Buffer, socket: Socket) => {
    if (sofar.includes('\r\n\r\n')) socket.write(answer);
  };

  test('is asked for a tunnel, with the user and password', async () => {
    const client = await clientOf('http', whenAsked(ok), credentials);
    const stream = await client.connect(target, signal);
    const [line, ...headers] = String(server?.heard()).split('\r\n');
    expect(line).toBe('CONNECT 20.0.1.2:443 HTTP/1.1');
    expect(headers).toContain('host: 20.0.1.2:443');
    expect(headers).toContain(`proxy-authorization: Basic ${Buffer.from('ann:s3cret').toString('base64')}`);
    stream.destroy();
  });

  test('leaves what follows its answer to the peer, and carries bytes then', async () => {
    const client = await clientOf('http', whenAsked(`${ok}words of the peer`));
    const stream = await client.connect(target, signal);
    expect(String(stream.read())).toBe('words of the peer');
    stream.destroy();
  });

  test.each([
    ['wants a password', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', '(407)'],
    ['forbids the target', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n', 'status 403'],
    ['speaks something else', 'SSH-2.0-Other\r\n\r\n', 'ended the conversation'],
    ['never ends its headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, 'ended the conversation'],
  ])('that %s is told to the operator', async (_what, answer, complaint) => {
    const client = await clientOf('http', whenAsked(answer));
    const error = await client.connect(target, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StrategyError', code: 'STRATEGY_NO_PATH' });
    expect(String(error)).toContain(complaint);
  });

  test('that says nothing is left when the attempt is over', async () => {
    let closed = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const over = new AbortController();
    const client = await clientOf('http', (_sofar, socket) => {
      socket.once('close', closed);
      over.abort(new Error('the attempt is over'));
    });
    await expect(client.connect(target, over.signal)).rejects.toThrow('the attempt is over');
    await gone;
  });
});
