import { isIP } from 'node:net';

/** Addresses that a peer has no business naming: this machine, its link, everybody on it, the overlay, a cloud's metadata. */
export const forbiddenAddresses: ReadonlySet<string> = new Set([
  '127.0.0.1',
  '0.0.0.0',
  '169.254.169.254',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  'fe80::1',
  '200::1',
]);

type Change = (value: unknown) => unknown;

/** What a hostile peer sends, by what it is: each makes a function that changes one message after the other on its way in. */
export const hostilities: Readonly<Record<string, () => Change>> = {
  ...Object.fromEntries(
    Object.entries({
      null: null,
      'a number': 1e308,
      'a string': 'candidates',
      'a long string': 'x'.repeat(32_000),
      'an empty object': {},
      'an empty array': [],
      'a deep nest': nest(1000),
      'a prototype': JSON.parse('{"__proto__":{"candidates":[]},"constructor":{"prototype":{}}}') as unknown,
      'a list of thousands': Array.from({ length: 5000 }, () => ({ address: '127.0.0.1', port: 1 })),
    }).map(([what, junk]) => [what, () => () => junk]),
  ),
  ...Object.fromEntries(
    [...forbiddenAddresses].map((address) => [`the address ${address} in place of every other`, () => deep(addressTo(address))]),
  ),
  ...Object.fromEntries(
    [0, -1, 65_536, 1.5, 1e308].map((number) => [`the number ${number} in place of every other`, () => deep(numberTo(number))]),
  ),
  'empty strings in place of all others': () => deep((value) => (typeof value === 'string' ? '' : value)),
  'null in place of every list': () => deep((value) => (Array.isArray(value) ? null : value)),
  'every list a thousand times over': () => deep((value) => (Array.isArray(value) ? repeated(value) : value)),
  'objects without their first field': () => deep(withoutFirst),
  'fields that nobody knows': () =>
    deep((value) => (isRecord(value) ? { ...value, surprise: { of: ['a', 'newer', 'agent'] } } : value)),
  'the first message again and again': () => {
    let first: { readonly payload: unknown } | undefined;
    return (payload) => {
      first ??= { payload };
      return first.payload;
    };
  },
};

/** Changes all that a message is made of, and then itself. */
function deep(change: Change): Change {
  const walk: Change = (value) => {
    if (Array.isArray(value)) return change(value.map(walk));
    if (isRecord(value)) return change(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)])));
    return change(value);
  };
  return walk;
}

function addressTo(address: string): Change {
  return (value) => (typeof value === 'string' && isIP(value) !== 0 ? address : value);
}

function numberTo(number: number): Change {
  return (value) => (typeof value === 'number' ? number : value);
}

function repeated(list: readonly unknown[]): unknown[] {
  return Array.from({ length: 1000 }, () => list).flat();
}

function withoutFirst(value: unknown): unknown {
  return isRecord(value) ? Object.fromEntries(Object.entries(value).slice(1)) : value;
}

function nest(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level++) value = { value };
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
