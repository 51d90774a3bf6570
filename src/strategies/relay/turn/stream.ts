import { isIP } from 'node:net';
import tls from 'node:tls';
import { withDeadline } from '../../../core/deadline.js';
import { describeError, StrategyError } from '../../../core/errors.js';
import type { ByteStream, Endpoint } from '../../../core/net.js';
import { readExactly } from '../../../core/read-exactly.js';
import { tunePath } from '../../../discovery/tcp-path.js';
import { channelDataLength, startsChannelData } from './channel-data.js';
import { announcedLength } from './message.js';
import type { TurnPlatform, TurnServer } from './server.js';
import { turnUnreachable } from './turn-error.js';

/** How long a server has to take a connection, and as long for TLS, in milliseconds. */
const connectTimeoutMs = 3000;
/** Messages of TURN have some hundred bytes, datagrams inside some thousand. */
const maxMessageLength = 16_384;
/** What tells the length of a message, in bytes. */
const startLength = 4;

export interface SecureTarget {
  /** Name in the certificate; an address is compared with its addresses. */
  readonly host: string;
  readonly ca?: string | undefined;
  /** False only where nothing that the server says is trusted anyway. @default true */
  readonly verify?: boolean;
}

/** Connects to a server over TCP or TLS (RFC 8656 §3.1). @throws StrategyError TURN_UNREACHABLE, TURN_CERTIFICATE */
export async function connectStream(platform: TurnPlatform, server: TurnServer, signal: AbortSignal): Promise<ByteStream> {
  const stream = await platform.net
    .connectTcp({ remote: server.endpoint, timeoutMs: connectTimeoutMs, signal })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw turnUnreachable(server.name, describeError(error).code, error);
    });
  tunePath(platform.net, stream);
  return server.transport === 'tls' ? secure(platform, stream, server, server.name, signal) : stream;
}

/** TLS over an open connection, which it owns from then on. */
export async function secure(
  { clock }: Pick<TurnPlatform, 'clock'>,
  stream: ByteStream,
  { host, ca, verify = true }: SecureTarget,
  name: string,
  signal: AbortSignal,
): Promise<ByteStream> {
  const socket = tls.connect({
    socket: stream,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
  });
  try {
    await withDeadline(settled(socket), {
      clock,
      timeoutMs: connectTimeoutMs,
      signal,
      expired: () => turnUnreachable(name, 'it did not finish the TLS handshake in time'),
    });
    socket.on('error', () => {});
    return withAddresses(socket, stream);
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    stream.destroy();
    if (error instanceof StrategyError || signal.aborted) throw error;
    throw new StrategyError('TURN_CERTIFICATE', `The TLS handshake with ${name} failed: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** The next whole STUN message or ChannelData (RFC 8656 §3.1, §12.5). @throws Error when the stream ends or holds neither */
export async function readMessage(stream: ByteStream, signal: AbortSignal): Promise<Buffer> {
  const start = await readExactly(stream, startLength, signal);
  const length = messageLength(start);
  return length === start.length ? start : Buffer.concat([start, await readExactly(stream, length - start.length, signal)]);
}

/** Cuts the bytes of a connection into whole messages, as they come. */
export class MessageSplitter {
  private rest: Buffer = Buffer.alloc(0);

  /** What has become whole with this chunk. @throws Error when it is neither STUN nor ChannelData */
  *push(chunk: Buffer): Generator<Buffer> {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (bytes.length >= startLength) {
      const length = messageLength(bytes);
      if (bytes.length < length) break;
      yield bytes.subarray(0, length);
      bytes = bytes.subarray(length);
    }
    this.rest = bytes;
  }
}

/** @param start of a message, at least its first four bytes */
function messageLength(start: Buffer): number {
  const length = startsChannelData(start) ? channelDataLength(start.readUInt16BE(2)) : announcedLength(start);
  if (length === undefined) throw new Error('it sent what is not TURN');
  if (length > maxMessageLength) throw new Error(`it announced ${length} bytes`);
  return length;
}

/** The two ends of a connection, as far as it tells. */
export function streamEnds({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
}: ByteStream): Record<'local' | 'remote', Endpoint> {
  return {
    local: { address: localAddress ?? '', port: localPort ?? 0 },
    remote: { address: remoteAddress ?? '', port: remotePort ?? 0 },
  };
}

function settled(socket: tls.TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** The addresses of the connection below, which a TLS socket over any other stream but Node's own does not tell. */
function withAddresses(socket: tls.TLSSocket, { localAddress, localPort, remoteAddress, remotePort }: ByteStream): ByteStream {
  const own = { localAddress, localPort, remoteAddress, remotePort };
  for (const [name, value] of Object.entries(own)) Object.defineProperty(socket, name, { value, configurable: true });
  return socket;
}
