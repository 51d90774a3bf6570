import { deriveKey } from '../../core/attempt-secret.js';
import type { SealingKey } from '../../core/sealing.js';

const prefix = 'coordinator ';

/**
 * The token of the agent whose router has this key. The coordinator derives it from its own secret whenever it is shown one.
 * @param key 64 lower-case hex digits
 * @returns 64 hex digits, a secret between the coordinator and that agent
 */
export function coordinatorToken(key: string, secret: Uint8Array): string {
  return Buffer.from(deriveKey(secret, `coordinator invite ${key}`)).toString('hex');
}

/** What proves to the coordinator which agent asks, and to the agent that the coordinator answers (TLS 1.3 PSK). */
export function coordinatorKey({ key, token }: { readonly key: string; readonly token: string }): SealingKey {
  return { identity: `${prefix}${key}`, key: deriveKey(Buffer.from(token, 'hex'), 'coordinator sealing') };
}

/** The public key in an identity; undefined when it is no coordinator's invite. */
export function keyInIdentity(identity: string): string | undefined {
  const key = identity.startsWith(prefix) ? identity.slice(prefix.length) : '';
  return /^[0-9a-f]{64}$/.test(key) ? key : undefined;
}
