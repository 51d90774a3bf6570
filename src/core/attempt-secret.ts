import { hkdfSync } from 'node:crypto';

/** Bytes of randomness each end contributes to an attempt's secret. */
export const randomLength = 32;

export interface SecretInput {
  /** 32 hex digits. */
  readonly attempt: string;
  readonly strategy: string;
  /** 64 hex digits each. */
  readonly controllingKey: string;
  readonly controlledKey: string;
  /** 32 bytes each, exchanged over the overlay, which encrypts and authenticates them. */
  readonly controllingRandom: Uint8Array;
  readonly controlledRandom: Uint8Array;
}

/** The attempt's secret: HKDF-SHA256 (RFC 5869) of both randoms, bound to the attempt and to both keys. 32 bytes. */
export function deriveSecret(input: SecretInput): Uint8Array {
  const keyMaterial = Buffer.concat([input.controllingRandom, input.controlledRandom]);
  const info = `ratatoskr 1 attempt ${input.attempt} ${input.strategy} ${input.controllingKey} ${input.controlledKey}`;
  return new Uint8Array(hkdfSync('sha256', keyMaterial, Buffer.from(input.attempt, 'hex'), info, 32));
}

/** A key for one purpose, derived from an attempt's secret. @param purpose fixed text, different for each use */
export function deriveKey(secret: Uint8Array, purpose: string, length = 32): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `ratatoskr 1 ${purpose}`, length));
}
