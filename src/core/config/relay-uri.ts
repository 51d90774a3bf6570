import { parseHostPort } from './host-port.js';

/** A relay that runs on its own, and the leave to use it, as its URI says. */
export interface RelayUri {
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Who this end is there. */
  readonly name: string;
  /** 64 hex digits, a secret. */
  readonly token: string;
}

/** Form of a name there: the one that the relay's operator invited, and behind slashes up to three guests, each let in by the one before. */
export const relayNamePattern = /^[a-z0-9][a-z0-9-]{0,31}(?:\/[0-9a-f]{8}){0,3}$/;

/** Reads `relay:NAME:TOKEN@HOST:PORT`, which `ratatoskr relay` prints. Undefined when it is something else. */
export function parseRelayUri(text: string): RelayUri | undefined {
  const match = /^relay:([^:]+):([0-9a-f]{64})@(.+)$/.exec(text);
  const [, name = '', token = '', place = ''] = match ?? [];
  const at = parseHostPort(place);
  return relayNamePattern.test(name) && at ? { ...at, name, token } : undefined;
}

export function formatRelayUri({ host, port, name, token }: RelayUri): string {
  return `relay:${name}:${token}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}
