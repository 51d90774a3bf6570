import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PeerCredentials, TcpInfo } from '../core/net.js';

/** What src/native/addon exports. Failures are Errors with `code`, `errno` and `syscall`, as Node's own. */
export interface Addon {
  readonly interfaceVersion: number;
  /**
   * Starts a TCP connect. `settled` is called once, later, with the error (ETIMEDOUT after `timeoutMs`) or the connection.
   * @returns an id for {@link Addon.cancel}
   */
  connect(options: NativeConnectOptions, settled: (error: Error | null, descriptor?: Descriptor) => void): number;
  /** Closes the socket before it returns; `settled` is not called any more. Without effect once it was. */
  cancel(id: number): void;
  /**
   * A network namespace with a TUN device and a TCP socket in it, which lives as long as the two. The error's `syscall` says what this
   * machine lacks. Takes some milliseconds of a thread of libuv's pool.
   */
  makeTunnelNamespace(
    options: { readonly listens: boolean; readonly ipv6: boolean },
    settled: (error: Error | null, tun?: Descriptor, tcp?: Descriptor) => void,
  ): void;
  /** A duplicate of this process's UDP socket that is bound there, whoever opened it. @throws EBADF where there is none */
  duplicateUdp(address: string, port: number): Descriptor;
  /**
   * Carries the segments of the namespace's TCP by the UDP socket, on the tunnels' thread. Owns the three descriptors from the call on.
   * Nothing goes before {@link Addon.directTunnel}. @throws Error of the system
   */
  openTunnel(options: NativeTunnelOptions, events: NativeTunnelEvents): number;
  /** Where the other end is: segments go there, and come from there alone. */
  directTunnel(id: number, address: string, port: number): void;
  /** Sends a datagram of the owner's by the tunnel's UDP socket. What the system refuses is lost. */
  sendBeside(id: number, datagram: Uint8Array, address: string, port: number): void;
  /** How many segments of the other end's have come. */
  segmentsHeard(id: number): number;
  /** Ends the connection within the tunnel, and everything of it half a second later. */
  closeTunnel(id: number): void;
  listenTcp(options: NativeListenTcpOptions): Descriptor;
  /** `mode` and owner are set before the first connect can succeed. */
  listenUnix(options: { readonly path: string; readonly mode: number; readonly uid?: number }): Descriptor;
  /**
   * Carries a bridge on the pump's thread, which works on duplicates of both descriptors; nobody else may read or write them.
   * `over` is called when nothing goes any more, with a cause of native-pump.ts and the last frame of the other agent or
   * nothing; `closed` once after {@link Addon.closeLink}, when the duplicates are gone. @throws Error of the system
   */
  carry(
    options: NativeCarryOptions,
    over: (cause: number, error: Error | undefined, words: Buffer) => void,
    closed: () => void,
  ): { readonly id: number; readonly counters: ArrayBuffer };
  /** @param lastWords a whole frame, sent where one may stand */
  closeLink(id: number, lastWords: Uint8Array): void;
  /** undefined for anything but a unix socket. */
  peerCredentials(fd: number): PeerCredentials | undefined;
  /** undefined for anything but a TCP socket. */
  tcpInfo(fd: number): TcpInfo | undefined;
  setUserTimeout(fd: number, timeoutMs: number): boolean;
  /** False where the kernel lacks it: before Linux 6.15. */
  setMaxRetransmit(fd: number, milliseconds: number): boolean;
  setKeepAlive(fd: number, idleSeconds: number, intervalSeconds: number, count: number): boolean;
  setNoDelay(fd: number): boolean;
  /** False where the kernel lacks it. */
  setCongestion(fd: number, name: string): boolean;
  /** Sends one datagram to a unix socket, as sd_notify(3) does; `@name` is an abstract one. @throws Error of the system */
  notify(message: { readonly socket: string; readonly state: string }): void;
  /** Gives memory that is free back to the system, in some milliseconds: malloc_trim(3), where there is one. */
  trimMemory(): void;
  /** Ends the process as `_exit(2)` does: nothing that still runs is waited for, a name that is being looked up least of all. */
  exitNow(code: number): never;
}

/** IP literals only; IPv6 ones may carry a scope (`fe80::1%eth0`). */
export interface NativeConnectOptions {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly sharePort?: boolean;
  readonly ttl?: number;
  readonly timeoutMs: number;
}

interface NativeCarryOptions {
  readonly path: number;
  readonly router: number;
  readonly hidden: boolean;
  /** A whole number up to 1000. @default 0 */
  readonly keepBackMs?: number;
  readonly ownKey: Uint8Array;
  readonly peerKey: Uint8Array;
  /** What has been read of them already. */
  readonly fromPath: Uint8Array;
  readonly fromRouter: Uint8Array;
}

interface NativeTunnelOptions {
  /** Descriptors. */
  readonly udp: number;
  readonly tun: number;
  readonly tcp: number;
  readonly listens: boolean;
  /** In front of each segment; 8 bytes that strangers cannot guess. */
  readonly ownTag: Uint8Array;
  readonly peerTag: Uint8Array;
}

interface NativeTunnelEvents {
  /** The TCP connection is there; once at most. */
  connected(connection: Descriptor): void;
  /** Something that is no segment of the other end's came, up to 256 bytes of anybody's. */
  message(data: Buffer, address: string, port: number): void;
  /** It will never carry anything. */
  failed(error: Error): void;
  /** After {@link Addon.closeTunnel}: all descriptors are closed. */
  closed(): void;
}

interface NativeListenTcpOptions {
  readonly address: string;
  readonly port: number;
  readonly sharePort?: boolean;
  /** @default the system's largest */
  readonly backlog?: number;
}

/** A file descriptor that is closed with its object, unless it is taken. */
export interface Descriptor {
  /** Hands it over, once; then throws EBADF. */
  take(): number;
  /** Idempotent. */
  close(): void;
}

/** The addon, or why there is none: one sentence for the operator. */
export type LoadedAddon = { readonly addon: Addon } | { readonly addon?: undefined; readonly reason: string };

/** The exports this file describes; a build of other sources may lack some. */
const interfaceVersion = 6;

/**
 * Loads the addon that was built here (`build/Release`), else the one that came with the package (`prebuilds`). Never throws. With
 * the environment variable `RATATOSKR_NATIVE=off` it is left alone, and everything runs on Node's own sockets.
 */
export function loadAddon(environment: NodeJS.ProcessEnv = process.env): LoadedAddon {
  if (environment.RATATOSKR_NATIVE === 'off') return { reason: 'The native addon is switched off by RATATOSKR_NATIVE=off.' };
  if (process.platform !== 'linux') return { reason: `The native addon serves Linux only, and this is ${process.platform}.` };
  try {
    // The package root, from src/native as from dist/native.
    const root = new URL('../../', import.meta.url);
    const files = ['build/Release/ratatoskr.node', `prebuilds/${prebuild()}.node`].map((name) => new URL(name, root));
    const file = files.find((url) => existsSync(url));
    if (file === undefined) return { reason: `The native addon was not built here, and none came for ${prebuild()}.` };
    const addon = createRequire(import.meta.url)(fileURLToPath(file)) as Addon;
    if (addon.interfaceVersion === interfaceVersion) return { addon };
    return { reason: 'The native addon was built from other sources than this; build it again.' };
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { reason: `The native addon cannot be loaded (${line.replace(/\.$/, '')}).` };
  }
}

/** Which of the files of scripts/prebuilds.mjs fits this process. */
function prebuild(): string {
  // What has loaded this process says which libc it lives with; that holds on any distribution.
  const libc = /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1')) ? 'musl' : 'glibc';
  return `linux-${process.arch}-${libc}`;
}
