import type { ByteStream, Net } from '../core/net.js';
import { type SealingOptions, seal } from '../core/sealing.js';
import { asPath, type Path } from '../core/strategy.js';
import { formatEndpoint } from './candidates.js';

/** A dead line is given up after this long and a probe, idle or not, in milliseconds. */
const silenceMs = 3000;
const keepAliveMs = 1000;

/** Gives up on a line that is dead for some seconds, and asks for a congestion control that bears loss. */
export function tunePath(net: Pick<Net, 'tune'>, stream: ByteStream): void {
  net.tune(stream, { userTimeoutMs: silenceMs, keepAliveMs, congestion: 'bbr' });
}

/**
 * Makes a direct path of a proven TCP connection, tuned for what it will carry; its pump finds out when it is dead.
 * @param sealing given when one end has asked for it
 * @throws StrategyError SEALING_FAILED, or the signal's reason; the stream is destroyed then
 */
export async function tcpPath(net: Net, stream: ByteStream, sealing?: SealingOptions): Promise<Path> {
  net.tune(stream, { congestion: 'bbr' });
  const congestion = net.tcpInfo(stream)?.congestion;
  const info = {
    kind: 'direct',
    local: formatEndpoint({ address: stream.localAddress ?? '', port: stream.localPort ?? 0 }),
    remote: formatEndpoint({ address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 }),
    ...(congestion ? { congestion } : {}),
  } as const;
  return asPath(sealing ? await seal(stream, sealing) : stream, info);
}
