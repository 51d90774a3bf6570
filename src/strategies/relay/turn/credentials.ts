import { createHash, createHmac } from 'node:crypto';

/** Who a client is to a server (RFC 8489 §9.2). */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The key of MESSAGE-INTEGRITY under long-term credentials: MD5, the algorithm that every server knows (RFC 8489 §9.2.2). */
export function longTermKey({ username, password }: Credentials, realm: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

/**
 * Credentials that expire, from a secret shared with the server (draft-uberti-behave-turn-rest-00; coturn's use-auth-secret).
 * @param wallTimeMs milliseconds since the Unix epoch
 * @param lifetimeMs how long the server takes them; an allocation must be refreshed under the same name, so it ends then too
 */
export function sharedSecretCredentials(user: string, secret: string, wallTimeMs: number, lifetimeMs: number): Credentials {
  const username = `${Math.floor((wallTimeMs + lifetimeMs) / 1000)}:${user}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}
