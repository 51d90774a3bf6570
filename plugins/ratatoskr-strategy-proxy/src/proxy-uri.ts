/** A proxy as the operator wrote it, without its password. */
export interface ProxyAddress {
  readonly protocol: 'socks5' | 'http';
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user?: string;
}

const defaultPorts = { socks5: 1080, http: 80 } as const;

/** Reads `socks5://[USER@]HOST[:PORT]` or `http://[USER@]HOST[:PORT]`. @returns a sentence when it cannot be used */
export function parseProxyUri(text: string): ProxyAddress | string {
  if (!URL.canParse(text)) return 'no URI such as socks5://USER@HOST:PORT or http://USER@HOST:PORT';
  const { protocol: scheme, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const protocol = scheme.slice(0, -1);
  if (protocol !== 'socks5' && protocol !== 'http') return 'begins with neither socks5:// nor http://';
  if (password !== '')
    return 'holds a password, which belongs into secretFile or the environment variable RATATOSKR_PROXY_SECRET';
  if (hostname === '' || pathname.length > 1 || search !== '' || hash !== '')
    return 'is more or less than a user, a host and a port';
  const user = decode(username);
  // RFC 1929 counts the name in one byte, and RFC 7617 ends it with a colon.
  if (user === undefined || Buffer.byteLength(user) > 255 || user.includes(':')) return 'has a user that no proxy takes';
  return {
    protocol,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? defaultPorts[protocol] : Number(port),
    ...(user === '' ? {} : { user }),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
