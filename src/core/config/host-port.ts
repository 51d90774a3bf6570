import { isIPv6 } from 'node:net';

/** Splits `host:port` or `[IPv6]:port`, port 1 to 65535; undefined when it is neither. */
export function parseHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})))[:](\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const [, ipv6, name] = match;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  const port = Number(match[3]);
  return port >= 1 && port <= 65_535 ? { host: ipv6 ?? name ?? '', port } : undefined;
}
