import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** What a passphrase comes to: where its peers meet in the DHT, and how they tell each other who they are. */
export class Topic {
  private constructor(
    /** 32 bytes; nodes of the DHT see it. */
    readonly target: Buffer,
    private readonly secret: Buffer,
  ) {}

  /** Slow on purpose: nodes of the DHT, which see the target, must not guess the passphrase from it. */
  static async of(passphrase: string): Promise<Topic> {
    const derive = promisify<string, string, number, { N: number; maxmem: number }, Buffer>(scrypt);
    const bytes = await derive(passphrase.normalize('NFC'), 'ratatoskr-discovery-hyperdht 1', 64, {
      N: 1 << 15,
      maxmem: 1 << 26,
    });
    return new Topic(bytes.subarray(0, 32), bytes.subarray(32));
  }

  /** @param announcer public key in the DHT, for which alone the record is good @param key public key of the router, 64 hex digits */
  seal(announcer: Buffer, key: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, this.secret, nonce).setAAD(announcer);
    return Buffer.concat([nonce, sealing.update(key, 'hex'), sealing.final(), sealing.getAuthTag()]);
  }

  /** @returns the key of the router; undefined for what nobody with the passphrase has sealed for this announcer */
  open(announcer: Buffer, record: Buffer): string | undefined {
    if (record.length !== nonceBytes + keyBytes + tagBytes) return undefined;
    const opening = createDecipheriv(cipher, this.secret, record.subarray(0, nonceBytes), { authTagLength: tagBytes });
    opening.setAAD(announcer).setAuthTag(record.subarray(-tagBytes));
    try {
      return Buffer.concat([opening.update(record.subarray(nonceBytes, -tagBytes)), opening.final()]).toString('hex');
    } catch {
      return undefined;
    }
  }
}
