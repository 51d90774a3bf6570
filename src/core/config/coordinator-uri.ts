import { parseHostPort } from './host-port.js';

/** A coordinator of routes, and the leave to ask it, as its URI says. */
export interface CoordinatorUri {
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Public key of the router that the leave is for, 64 lower-case hex digits. */
  readonly key: string;
  /** 64 hex digits, a secret. */
  readonly token: string;
}

/** Reads `coordinator:KEY:TOKEN@HOST:PORT`, which `ratatoskr coordinator invite` prints. Undefined when it is something else. */
export function parseCoordinatorUri(text: string): CoordinatorUri | undefined {
  const match = /^coordinator:([0-9a-f]{64}):([0-9a-f]{64})@(.+)$/.exec(text);
  const [, key = '', token = '', place = ''] = match ?? [];
  const at = parseHostPort(place);
  return match && at ? { ...at, key, token } : undefined;
}

export function formatCoordinatorUri({ host, port, key, token }: CoordinatorUri): string {
  return `coordinator:${key}:${token}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}
