import { ConfigError } from '../errors.js';

/** Where an admin socket is. */
export type AdminTarget =
  | { readonly kind: 'unix'; readonly path: string; readonly uri: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly uri: string };

/**
 * Reads what yggdrasil takes as AdminListen: `unix:///path` or `tcp://host:port`.
 * @throws ConfigError ADMIN_URI_INVALID
 */
export function parseAdminUri(uri: string): AdminTarget {
  const unix = /^unix:\/\/(\/.+)$/i.exec(uri);
  if (unix?.[1] !== undefined) {
    // sun_path of sockaddr_un has 108 bytes, the last of them zero; macOS has four less.
    if (Buffer.byteLength(unix[1]) > 107) throw invalid(uri, 'the path is longer than the 107 bytes a unix socket may have');
    if (unix[1].includes('\0')) throw invalid(uri, 'the path holds a zero byte');
    return { kind: 'unix', path: unix[1], uri: `unix://${unix[1]}` };
  }
  const tcp = /^tcp:\/\/(?:\[([0-9a-f:.%]+)\]|([a-z0-9_.-]+)):(\d{1,5})\/?$/i.exec(uri);
  const host = tcp?.[1] ?? tcp?.[2];
  if (host === undefined) throw invalid(uri, 'it is neither');
  const port = Number(tcp?.[3]);
  if (port < 1 || port > 65535) throw invalid(uri, 'a port is 1 to 65535');
  return { kind: 'tcp', host, port, uri: `tcp://${host.includes(':') ? `[${host}]` : host}:${port}` };
}

function invalid(uri: string, why: string): ConfigError {
  return new ConfigError(
    'ADMIN_URI_INVALID',
    `“${uri}” is no admin address: unix:///path/to.sock and tcp://host:port are allowed, and ${why}.`,
  );
}
