import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { Config } from '../../core/config/schema.js';
import { StrategyError } from '../../core/errors.js';

import { formatEndpoint } from '../../discovery/candidates.js';
import { type Credentials, sharedSecretCredentials } from './turn/credentials.js';
import type { TurnPlatform, TurnServer } from './turn/server.js';
import { turnUnreachable } from './turn/turn-error.js';

/** An entry of relay.turn in the configuration. */
export type TurnEntry = Config['relay']['turn'][number];

/** How long credentials with a time limit hold, in milliseconds: a relayed path ends with them at the latest. */
const credentialsLifetimeMs = 24 * 60 * 60_000;
const secretVariable = 'RATATOSKR_TURN_SECRET';

/** `host:port`, for people: what may be said of an entry without its secret. */
export function nameOf({ uri: { host, port } }: TurnEntry): string {
  return formatEndpoint({ address: host, port });
}

/**
 * Looks up where a server is and reads what its entry only names. Files are read each time, so that a new secret needs no restart.
 * @throws StrategyError TURN_SECRET_MISSING, TURN_CERTIFICATE, TURN_UNREACHABLE
 */
export async function locateServer(
  entry: TurnEntry,
  { net, clock }: TurnPlatform,
  signal: AbortSignal,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<TurnServer> {
  const { host, port, transport } = entry.uri;
  const name = nameOf(entry);
  const addresses = await net.resolve(host, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw turnUnreachable(name, 'its name does not resolve', error);
  });
  const address = addresses.find((candidate) => !isIPv6(candidate)) ?? addresses[0];
  if (address === undefined) throw turnUnreachable(name, 'its name does not resolve');
  return {
    name,
    host,
    endpoint: { address, port },
    transport,
    credentials: await credentialsOf(entry, clock.wallTime(), env),
    ca: await certificatesOf(entry),
  };
}

async function credentialsOf(
  entry: TurnEntry,
  wallTimeMs: number,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credentials> {
  const { user } = entry.uri;
  const secret = entry.uri.secret ?? (entry.secretFile === undefined ? env[secretVariable] : await firstLine(entry));
  if (!secret) throw new StrategyError('TURN_SECRET_MISSING', `There is no secret for the TURN server ${nameOf(entry)}.`);
  if (entry.auth === 'password') return { username: user, password: secret };
  return sharedSecretCredentials(user, secret, wallTimeMs, credentialsLifetimeMs);
}

async function firstLine(entry: TurnEntry): Promise<string> {
  const text = await readFile(entry.secretFile ?? '', 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `The secret of the TURN server ${nameOf(entry)} cannot be read from ${entry.secretFile}: ${cause.code}.`;
    throw new StrategyError('TURN_SECRET_MISSING', message, { cause });
  });
  return (text.split('\n')[0] ?? '').trim();
}

async function certificatesOf(entry: TurnEntry): Promise<string | undefined> {
  const { ca } = entry;
  if (ca === undefined) return undefined;
  return readFile(ca, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `The certificates for the TURN server ${nameOf(entry)} cannot be read from ${ca}: ${cause.code}.`;
    throw new StrategyError('TURN_CERTIFICATE', message, { cause });
  });
}
