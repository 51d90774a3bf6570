import { deriveKey } from '../core/attempt-secret.js';
import type { Random } from '../core/random.js';
import type { SealingKey } from '../core/sealing.js';

/** Form of a token: 32 random bytes that the relay made, as hex digits. Whoever has it may connect. */
export const tokenPattern = /^[0-9a-f]{64}$/;
/** Form of an identity. */
export const identityPattern = /^[0-9a-f]{32}$/;

export function makeToken(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('hex');
}

/** What a token is called in the clear, and the key that only those who have it know (TLS 1.3 PSK). */
export function keyOfToken(token: string): SealingKey {
  const secret = Buffer.from(token, 'hex');
  const identity = Buffer.from(deriveKey(secret, 'relay identity', 16)).toString('hex');
  return { identity, key: deriveKey(secret, 'relay sealing') };
}
