import { deriveKey } from '../core/attempt-secret.js';
import { relayNamePattern } from '../core/config/relay-uri.js';
import type { SealingKey } from '../core/sealing.js';

/** Form of a name that an operator makes an invite out to. It crosses the internet in the clear. */
export const inviteNamePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Leave to use a relay that nobody has a link with: whoever has the token is the one that the name stands for. */
export interface Invite {
  /** Behind slashes stand guests: those whom the one before has let in. */
  readonly name: string;
  /** 64 hex digits. */
  readonly token: string;
}

const prefix = 'invite ';

/** The invite for a name. The relay derives it whenever it is shown one, and keeps nothing but its own secret. */
export function inviteFor(name: string, relaySecret: Uint8Array): Invite {
  const [host = '', ...guests] = name.split('/');
  const first = { name: host, token: hex(deriveKey(relaySecret, `relay invite ${host}`)) };
  return guests.reduce(guestOf, first);
}

/** What whoever has an invite may give to another, who can then use the relay without being told the token. @param guest 8 hex digits */
export function guestOf({ name, token }: Invite, guest: string): Invite {
  return { name: `${name}/${guest}`, token: hex(deriveKey(Buffer.from(token, 'hex'), `relay guest ${guest}`)) };
}

/** May the one of this name let in others? */
export function mayLetIn({ name }: Invite): boolean {
  return relayNamePattern.test(`${name}/00000000`);
}

/** Whom caps count by: all guests of one host share what one other gets. */
export function ownerOf(name: string): { readonly host: string; readonly owner: string } {
  const [host = ''] = name.split('/');
  return { host, owner: name === host ? host : `${host}/guests` };
}

/** What proves that one end has the invite, to another that has it too (TLS 1.3 PSK). */
export function keyOfInvite({ name, token }: Invite): SealingKey {
  return { identity: `${prefix}${name}`, key: deriveKey(Buffer.from(token, 'hex'), 'relay invite sealing') };
}

/** The name in an identity; undefined when it is no invite's. */
export function nameInIdentity(identity: string): string | undefined {
  const name = identity.startsWith(prefix) ? identity.slice(prefix.length) : undefined;
  return name !== undefined && relayNamePattern.test(name) ? name : undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
