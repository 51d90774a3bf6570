import { isIP } from 'node:net';

/** Splits `host:port` or `[IPv6]:port`; undefined for anything else. */
export function parseServerName(name: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(name);
  const [, ipv6, host, digits] = match ?? [];
  const port = Number(digits);
  if (!match || port < 1 || port > 65_535 || (ipv6 !== undefined && isIP(ipv6) !== 6)) return undefined;
  return { host: ipv6 ?? host ?? '', port };
}
