import type { ByteStream, Net } from '../core/net.js';
import { asPath, type Path } from '../core/strategy.js';
import { formatEndpoint } from './candidates.js';

/** A dead path is given up after this long and a probe, idle or not, in milliseconds: five seconds are promised. */
const pathTimeoutMs = 3000;
const keepAliveMs = 1000;

/** Makes a direct path of a proven TCP connection, tuned for what it will carry. */
export function tcpPath(net: Net, stream: ByteStream): Path {
  net.tune(stream, { userTimeoutMs: pathTimeoutMs, keepAliveMs, congestion: 'bbr' });
  const congestion = net.tcpInfo(stream)?.congestion;
  return asPath(stream, {
    kind: 'direct',
    local: formatEndpoint({ address: stream.localAddress ?? '', port: stream.localPort ?? 0 }),
    remote: formatEndpoint({ address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 }),
    ...(congestion ? { congestion } : {}),
  });
}
