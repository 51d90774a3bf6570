import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { deriveKey } from './attempt-secret.js';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { StrategyError } from './errors.js';
import type { Role } from './strategy.js';

export interface SealingOptions {
  /** The attempt's secret; the key is derived from it. */
  readonly secret: Uint8Array;
  /** The controlling end is the client. */
  readonly role: Role;
  readonly clock: Clock;
  /** Its abort destroys the stream and rejects with its reason. */
  readonly signal: AbortSignal;
  /** Milliseconds until the handshake is given up. @default 10000 */
  readonly timeoutMs?: number;
}

/**
 * Seals a stream: TLS 1.3 with a key that both ends have (external PSK, RFC 8446 section 4.2.11, with a Diffie-Hellman exchange),
 * and no certificates. What follows cannot be read, changed, cut short unnoticed or sent again.
 *
 * The sealed stream owns the one beneath. `end()` sends close_notify, after which the other end may go on sending (RFC 8446
 * section 6.1); when both have ended, both streams close. Not to be read or written by anyone else from the call on.
 *
 * @throws StrategyError SEALING_FAILED, or the signal's reason; the stream is destroyed then
 */
export async function seal(stream: Duplex, { secret, role, ...options }: SealingOptions): Promise<Duplex> {
  const key = deriveKey(secret, 'sealing');
  if (role === 'controlling') return sealAsClient(stream, { identity: attemptIdentity, key }, options);
  const { sealed } = await sealAsServer(stream, (identity) => (identity === attemptIdentity ? key : undefined), options);
  return sealed;
}

/** Which of the server's keys a client has. The identity is sent in the clear. */
export interface SealingKey {
  /** At most 128 characters. */
  readonly identity: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** As {@link seal}, at the end that chooses the key. */
export function sealAsClient(stream: Duplex, key: SealingKey, options: Omit<SealingOptions, 'secret' | 'role'>): Promise<Duplex> {
  return inTime(stream, (signal) => openClient(stream, key, signal), options);
}

/** As {@link seal}, at the end that has several keys. @returns also the identity whose key the client has */
export function sealAsServer(
  stream: Duplex,
  keyOf: (identity: string) => Uint8Array | undefined,
  options: Omit<SealingOptions, 'secret' | 'role'>,
): Promise<{ readonly sealed: Duplex; readonly identity: string }> {
  return inTime(stream, (signal) => openServer(stream, keyOf, signal), options);
}

async function inTime<Sealed>(
  stream: Duplex,
  shake: (signal: AbortSignal) => Promise<Sealed>,
  { clock, signal, timeoutMs = 10_000 }: Omit<SealingOptions, 'secret' | 'role'>,
): Promise<Sealed> {
  const abandoned = new AbortController();
  try {
    return await withDeadline(shake(abandoned.signal), {
      clock,
      timeoutMs,
      signal,
      expired: () => failed(`did not end within ${timeoutMs / 1000} s`),
    });
  } catch (error) {
    abandoned.abort();
    stream.on('error', () => {});
    stream.destroy();
    if (signal.aborted || error instanceof StrategyError) throw error;
    throw failed(`failed: ${(error as Error).message}`, error);
  }
}

/** What both ends take: with another version or a certificate, the key would prove nothing. */
const settings = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  // The key works with suites of SHA-256 only; the second one is for machines without AES in hardware.
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
} as const satisfies tls.SecureContextOptions;

/** Says nothing to an observer, for an attempt has one key. */
const attemptIdentity = 'ratatoskr';

function openClient(stream: Duplex, { identity, key }: SealingKey, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let asked = false;
    const sealed = tls.connect({
      ...settings,
      socket: stream,
      allowHalfOpen: true,
      pskCallback: () => {
        asked = true;
        return { psk: Buffer.from(key), identity };
      },
      checkServerIdentity: () => undefined,
    } as tls.ConnectionOptions);
    settle(sealed, signal, reject);
    sealed.once('secureConnect', () => accept(sealed, asked, resolve, reject));
  });
}

function openServer(
  stream: Duplex,
  keyOf: (identity: string) => Uint8Array | undefined,
  signal: AbortSignal,
): Promise<{ sealed: Duplex; identity: string }> {
  return new Promise((resolve, reject) => {
    let asked: string | undefined;
    const server = tls.createServer({
      ...settings,
      allowHalfOpen: true,
      pskCallback: (_socket, identity) => {
        asked = identity;
        const key = keyOf(identity);
        return key ? Buffer.from(key) : null;
      },
    } as tls.TlsOptions);
    server.once('tlsClientError', reject);
    server.once('secureConnection', (socket) => {
      const identity = asked ?? '';
      accept(socket, asked !== undefined, (sealed) => resolve({ sealed, identity }), reject);
    });
    settle(stream, signal, reject);
    // It never listens: the connection is here already.
    server.emit('connection', stream);
  });
}

/** Whatever ends a stream before the handshake has ended rejects. */
function settle(stream: Duplex, signal: AbortSignal, reject: (error: Error) => void): void {
  stream.once('error', reject);
  stream.once('close', () => reject(new Error('the stream ended')));
  signal.addEventListener('abort', () => stream.destroy(), { once: true });
}

/** The last look: a handshake by anything but the key is none. */
function accept(sealed: tls.TLSSocket, asked: boolean, resolve: (sealed: Duplex) => void, reject: (error: Error) => void): void {
  const certificate = sealed.getPeerCertificate();
  const certified = certificate !== null && certificate !== undefined && Object.keys(certificate).length > 0;
  if (asked && !certified && sealed.isSessionReused() && sealed.getProtocol() === 'TLSv1.3') {
    // From here on a broken stream is found by whoever uses it; an error nobody waits for must not end the process.
    sealed.on('error', () => {});
    resolve(sealed);
  } else {
    sealed.destroy();
    reject(failed('was made without the key'));
  }
}

function failed(what: string, cause?: unknown): StrategyError {
  return new StrategyError('SEALING_FAILED', `The handshake that seals a path ${what}.`, { cause });
}
