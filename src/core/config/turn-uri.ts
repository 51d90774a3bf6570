import { parseHostPort } from './host-port.js';

/** A TURN server as its URI says: RFC 7065 with user and secret before the host. */
export interface TurnUri {
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `tls` for turns:. @default tcp: it passes where UDP does not, and relayed TCP needs it */
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly user: string;
  /** Undefined when it is elsewhere: in a file or in the environment. */
  readonly secret: string | undefined;
}

/**
 * Reads `turn:USER:SECRET@HOST:PORT?transport=udp|tcp`; what stands before the host may be percent-encoded, and `:SECRET`,
 * `:PORT` and the query may be left out. Undefined when it is something else.
 */
export function parseTurnUri(text: string): TurnUri | undefined {
  const match = /^(turns?):(?:([^@]+)@)([^@?]+?)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/.exec(text);
  if (!match) return undefined;
  const [, scheme, identity = '', host = '', port, transport = 'tcp'] = match;
  const secure = scheme === 'turns';
  const place = parseHostPort(`${host}:${port ?? (secure ? 5349 : 3478)}`);
  const colon = identity.indexOf(':');
  const user = decode(colon < 0 ? identity : identity.slice(0, colon));
  const secret = colon < 0 ? undefined : decode(identity.slice(colon + 1));
  if (!place || !user || user.includes(':') || secret === '' || (colon >= 0 && secret === undefined)) return undefined;
  // TURN over DTLS is not spoken here.
  if (secure && transport === 'udp') return undefined;
  return { ...place, transport: secure ? 'tls' : (transport as 'udp' | 'tcp'), user, secret };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
