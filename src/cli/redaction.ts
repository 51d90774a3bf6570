import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { describeError } from '../core/errors.js';

const secretName = /secret|password|passphrase|token|credential/i;
const secretInUri = /([?&](?:password|secret|token)=)[^&#\s]*/gi;
const deepest = 6;

/**
 * Makes a value fit for a log: errors become objects, secrets go, and unless `full` public addresses and keys are shortened.
 * Private and loopback addresses stay, for they tell the operator much and a stranger nothing.
 */
export function redact(value: unknown, full: boolean, depth = 0): unknown {
  if (typeof value === 'string') {
    const text = value.replace(secretInUri, '$1[redacted]');
    return full ? text : shortenAddresses(text);
  }
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? value.toString() : value;
  if (depth >= deepest) return '…';
  if (value instanceof Error) return redact(describeError(value), full, depth + 1);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map((item) => redact(item, full, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, secretName.test(name) ? '[redacted]' : redact(item, full, depth + 1)]),
  );
}

/** `20.0.1.2` becomes `20.0.x.x`, `200:1234:5678::1` becomes `200:1234:…`, and a key its first eight digits. */
export function shortenAddresses(text: string): string {
  return replaceAddresses(
    text.replace(/\b[0-9a-f]{64}\b/gi, (key) => `${key.slice(0, 8)}…`),
    shortenAddress,
  );
}

/** @param replace called with each IP address in the text, without brackets and port */
export function replaceAddresses(text: string, replace: (address: string) => string): string {
  const each = (found: string) => (isIP(found) === 0 ? found : replace(found));
  return text
    .replace(/(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)/g, each)
    .replace(/(?<![\w.:])(?:[0-9a-f:]*:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]*:[0-9a-f:]*)/gi, each);
}

function shortenAddress(text: string): string {
  const version = isIP(text);
  const address = ipaddr.parse(text);
  if (['private', 'loopback', 'linkLocal', 'unspecified', 'uniqueLocal'].includes(address.range())) return text;
  if (version === 4) return text.replace(/\.\d+\.\d+$/, '.x.x');
  return `${(address as ipaddr.IPv6).parts
    .slice(0, 2)
    .map((part) => part.toString(16))
    .join(':')}:…`;
}
