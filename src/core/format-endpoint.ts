import type { Endpoint } from './net.js';

/** `address:port`, with brackets around an IPv6 address. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
