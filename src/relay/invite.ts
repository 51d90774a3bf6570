import { deriveKey } from '../core/attempt-secret.js';
import type { SealingKey } from '../core/sealing.js';

/** Form of a name that an invite is made out to. It crosses the internet in the clear. */
export const inviteNamePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Leave to use a relay that nobody has a link with: whoever has the token is the one that the name stands for. */
export interface Invite {
  readonly name: string;
  /** 64 hex digits. */
  readonly token: string;
}

const prefix = 'invite ';

/** The invite for a name. The relay derives it whenever it is shown one, and keeps nothing but its own secret. */
export function inviteFor(name: string, relaySecret: Uint8Array): Invite {
  return { name, token: Buffer.from(deriveKey(relaySecret, `relay invite ${name}`)).toString('hex') };
}

/** What proves that one end has the invite, to another that has it too (TLS 1.3 PSK). */
export function keyOfInvite({ name, token }: Invite): SealingKey {
  return { identity: `${prefix}${name}`, key: deriveKey(Buffer.from(token, 'hex'), 'relay invite sealing') };
}

/** The name in an identity; undefined when it is no invite's. */
export function nameInIdentity(identity: string): string | undefined {
  const name = identity.startsWith(prefix) ? identity.slice(prefix.length) : undefined;
  return name !== undefined && inviteNamePattern.test(name) ? name : undefined;
}
