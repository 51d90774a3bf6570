import { isIP } from 'node:net';
import { mayBeRelay } from '../peer-address.js';
import type { TurnServer } from './server.js';
import type { Alternate } from './turn-error.js';

/**
 * The server that another one names in its place (RFC 8489 §10), with the same transport and credentials. Its word is not
 * authenticated, so it may name itself at another port, or a public address; undefined for anything else.
 */
export function alternateServer(server: TurnServer, { endpoint, domain }: Alternate): TurnServer | undefined {
  const { address, port } = endpoint;
  const own = server.endpoint;
  if (address === own.address && port === own.port) return undefined;
  const allowed = mayBeRelay(address, [own.address]) && isIP(address) === isIP(own.address) && mayBePort(port);
  return allowed ? { ...server, endpoint, host: domain ?? server.host } : undefined;
}

function mayBePort(port: number): boolean {
  return port >= 1024 || port === 443;
}
