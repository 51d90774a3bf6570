import { isIPv4 } from 'node:net';
import { type ByteStream, type Endpoint, readExactly, StrategyError } from 'ratatoskr';
import type { Credentials } from './secret.js';

// Read byte by byte off the stream, so that what follows an answer stays in it: it belongs to the peer.

const version = 5;
/** RFC 1928 section 3. */
const method = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;
/** RFC 1928 section 4. */
const command = { connect: 0x01, bind: 0x02 } as const;
/** RFC 1928 section 5. */
const addressType = { ipv4: 0x01, name: 0x03, ipv6: 0x04 } as const;
/** RFC 1928 section 6. */
const replies: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time to live expired',
  7: 'command not supported',
  8: 'address type not supported',
};
/** Any caller: who may speak is decided by the attempt's proof. */
const anyone: Endpoint = { address: '0.0.0.0', port: 0 };

/** Agrees on a method and authenticates (RFC 1928 section 3, RFC 1929). @throws StrategyError STRATEGY_NO_PATH */
export async function greet(stream: ByteStream, credentials: Credentials | undefined, signal: AbortSignal): Promise<void> {
  const methods = credentials ? [method.none, method.password] : [method.none];
  stream.write(Buffer.from([version, methods.length, ...methods]));
  const [spoken, chosen = method.unacceptable] = await readExactly(stream, 2, signal);
  if (spoken !== version) throw refused('speaks no SOCKS5');
  if (chosen === method.unacceptable || !methods.some((offered) => offered === chosen)) {
    throw refused(credentials ? 'takes neither a password nor none' : 'wants a user and a password');
  }
  if (chosen !== method.password || !credentials) return;
  const [user, password] = [Buffer.from(credentials.user), Buffer.from(credentials.password)];
  stream.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]));
  const [, status] = await readExactly(stream, 2, signal);
  if (status !== 0) throw refused('takes the user and password for wrong');
}

/** @throws StrategyError STRATEGY_NO_PATH with the proxy's reason */
export async function requestConnect(stream: ByteStream, target: Endpoint, signal: AbortSignal): Promise<void> {
  stream.write(encodeRequest(command.connect, target));
  await readReply(stream, signal);
}

/** @returns where the proxy listens. @throws StrategyError STRATEGY_NO_PATH with the proxy's reason */
export function requestBind(stream: ByteStream, signal: AbortSignal): Promise<Endpoint> {
  stream.write(encodeRequest(command.bind, anyone));
  return readReply(stream, signal);
}

/** Resolves when somebody has connected to a bound port, which is theirs from then on. */
export async function awaitCaller(stream: ByteStream, signal: AbortSignal): Promise<void> {
  await readReply(stream, signal);
}

function encodeRequest(what: number, { address, port }: Endpoint): Buffer {
  const bytes = encodeAddress(address);
  const head = [version, what, 0, bytes.length === 4 ? addressType.ipv4 : addressType.ipv6];
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from([port >> 8, port & 0xff])]);
}

async function readReply(stream: ByteStream, signal: AbortSignal): Promise<Endpoint> {
  const [spoken, reply = 1, , type] = await readExactly(stream, 4, signal);
  if (spoken !== version) throw refused('answers what is no SOCKS5');
  // Of a refusal some send no more than that.
  if (reply !== 0) throw refused(`refused: ${replies[reply] ?? `reply ${reply}`}`);
  const address = await readAddress(stream, type, signal);
  return { address, port: (await readExactly(stream, 2, signal)).readUInt16BE() };
}

async function readAddress(stream: ByteStream, type: number | undefined, signal: AbortSignal): Promise<string> {
  if (type === addressType.ipv4) return [...(await readExactly(stream, 4, signal))].join('.');
  if (type === addressType.ipv6) return decodeIpv6(await readExactly(stream, 16, signal));
  if (type !== addressType.name) throw refused('answers with an address of no known type');
  const [length = 0] = await readExactly(stream, 1, signal);
  return length === 0 ? '' : (await readExactly(stream, length, signal)).toString('latin1');
}

function encodeAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes IPv6 in one form: hexadecimal groups, and one gap at most.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const gap = new Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.from([...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function decodeIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function refused(what: string): StrategyError {
  return new StrategyError('STRATEGY_NO_PATH', `The proxy ${what}.`, {
    help: 'Check the option proxy and its password, and what the proxy’s rules allow.',
  });
}
