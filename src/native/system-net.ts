import dns from 'node:dns/promises';
import net from 'node:net';
import os from 'node:os';
import { unlessAborted } from '../core/aborted.js';
import type { ByteStream, InterfaceAddress, Net, NetCapabilities, TcpTuning } from '../core/net.js';
import type { Addon } from './addon.js';
import { descriptorOf } from './byte-stream.js';
import { connectByAddon, connectByNode, connectSocket } from './connect.js';
import { listenTcp, listenUnix } from './listen.js';
import { bindUdp, joinMulticast } from './udp.js';

/** Keepalive probes without an answer before the line is given up, where no user timeout decides that. */
const keepAliveProbes = 5;

/**
 * The system's own sockets. Takes what `loadAddon` returned; without an addon it runs on Node alone, and `capabilities` says
 * what is lost.
 */
export function createSystemNet({ addon, reason }: { addon?: Addon | undefined; reason?: string } = {}): Net {
  return {
    capabilities: capabilitiesOf(addon, reason),
    connectTcp: (options) => (addon ? connectByAddon(addon, options) : connectByNode(options)),
    listenTcp: (options) => listenTcp(addon, options),
    bindUdp,
    joinMulticast,
    connectUnix: (path, options) => connectSocket({ path }, options),
    listenUnix: (options) => listenUnix(addon, options),
    tune: (stream, tuning) => (addon ? tuneByAddon(addon, stream, tuning) : tuneByNode(stream, tuning)),
    tcpInfo: (stream) => askAddon(addon?.tcpInfo, stream),
    peerCredentials: (stream) => askAddon(addon?.peerCredentials, stream),
    interfaces,
    resolve,
  };
}

function capabilitiesOf(addon: Addon | undefined, reason = 'There is no native addon.'): NetCapabilities {
  if (addon) return { sharedPort: true, peerCredentials: true, tcpTuning: true };
  return {
    sharedPort: false,
    peerCredentials: false,
    tcpTuning: false,
    missing: `${reason.replace(/\.$/, '')}: no listening and connecting on one port, no peer credentials, no TCP tuning.`,
  };
}

function askAddon<Answer>(ask: ((fd: number) => Answer | undefined) | undefined, stream: ByteStream): Answer | undefined {
  const fd = descriptorOf(stream);
  return fd === undefined ? undefined : ask?.(fd);
}

function tuneByAddon(addon: Addon, stream: ByteStream, tuning: TcpTuning): readonly (keyof TcpTuning)[] {
  const fd = descriptorOf(stream);
  if (fd === undefined) return [];
  const { userTimeoutMs, maxRetransmitMs, keepAliveMs, congestion } = tuning;
  const applied: (keyof TcpTuning)[] = [];
  if (userTimeoutMs !== undefined && addon.setUserTimeout(fd, Math.round(userTimeoutMs))) applied.push('userTimeoutMs');
  if (maxRetransmitMs !== undefined && addon.setMaxRetransmit(fd, Math.round(maxRetransmitMs))) applied.push('maxRetransmitMs');
  if (keepAliveMs !== undefined) {
    const seconds = Math.max(1, Math.round(keepAliveMs / 1000));
    if (addon.setKeepAlive(fd, seconds, seconds, keepAliveProbes)) applied.push('keepAliveMs');
  }
  if (congestion !== undefined && addon.setCongestion(fd, congestion)) applied.push('congestion');
  return applied;
}

/** Node can start the probes at the right time, but repeats them each second. */
function tuneByNode(stream: ByteStream, { keepAliveMs }: TcpTuning): readonly (keyof TcpTuning)[] {
  if (keepAliveMs === undefined || !(stream instanceof net.Socket) || stream.remoteAddress === undefined) return [];
  stream.setKeepAlive(true, Math.max(1000, keepAliveMs));
  return ['keepAliveMs'];
}

/** Link-local IPv6 addresses come with their scope, `fe80::1%eth0`: without it they cannot be bound or dialled. */
function interfaces(): readonly InterfaceAddress[] {
  return Object.entries(os.networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address, family, cidr, internal, scopeid }) => ({
      name,
      address: scopeid ? `${address}%${name}` : address,
      family: family === 'IPv6' ? (6 as const) : (4 as const),
      prefixLength: Number(cidr?.split('/')[1] ?? (family === 'IPv6' ? 128 : 32)),
      internal,
    })),
  );
}

async function resolve(host: string, { signal }: { readonly signal?: AbortSignal }): Promise<readonly string[]> {
  signal?.throwIfAborted();
  if (net.isIP(host) !== 0) return [host];
  // The system's resolver cannot be called off; the answer is dropped.
  const lookup = dns.lookup(host, { all: true }).then((answers) => answers.map(({ address }) => address));
  return signal ? unlessAborted(lookup, signal) : lookup;
}
