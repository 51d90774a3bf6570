import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { parseHostPort } from '../core/config/host-port.js';
import type { Endpoint } from '../core/net.js';
import type { Place } from '../relay/invited-places.js';

/** Reads an option whose value is an address and a port. */
export function parseEndpoint(value: string): Endpoint {
  const parsed = parseHostPort(value);
  if (!parsed || isIP(parsed.host) === 0) {
    throw new InvalidArgumentError('Write an IP address and a port, as in 192.0.2.1:3478 or [2001:db8::1]:3478.');
  }
  return { address: parsed.host, port: parsed.port };
}

/** As {@link parseEndpoint}, for an option that may be repeated. */
export function collectEndpoints(value: string, previous: readonly Endpoint[] = []): readonly Endpoint[] {
  return [...previous, parseEndpoint(value)];
}

/** Reads a place of any name, for an option that may be repeated. @param example what to write, for who has written something else */
export function collectPlaces(example: string): (value: string, previous?: readonly Place[]) => readonly Place[] {
  return (value, previous = []) => {
    const place = parseHostPort(value);
    if (!place) throw new InvalidArgumentError(`Write a host and a port, as in ${example}.`);
    return [...previous, place];
  };
}
