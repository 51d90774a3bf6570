/** What is used of hyperdht 6, which brings no types. */
declare module 'hyperdht' {
  export interface KeyPair {
    readonly publicKey: Buffer;
    readonly secretKey: Buffer;
  }

  /** Ends, too, when it is destroyed. */
  export interface Query<Reply> extends AsyncIterable<Reply> {
    finished(): Promise<void>;
    destroy(): void;
  }

  export interface Lookup {
    readonly peers: readonly { readonly publicKey: Buffer }[];
  }

  export interface Bootstrap {
    readonly host: string;
    readonly port: number;
  }

  export default class DHT {
    static keyPair(): KeyPair;
    /** @param options `ephemeral` serves nobody; `bootstrap` is by default that of hyperdht's makers; `port` 0 is any */
    constructor(options: { readonly ephemeral?: boolean; readonly bootstrap?: readonly Bootstrap[]; readonly port?: number });
    /** Stores at the nodes nearest to the topic who announces it, and gives what they know of it. Rejects when no node answers. */
    announce(topic: Buffer, keyPair: KeyPair, relayAddresses: readonly Bootstrap[]): Query<Lookup>;
    unannounce(topic: Buffer, keyPair: KeyPair): Promise<void>;
    /** Stores a value of up to 1000 bytes under a key that signs it. */
    mutablePut(keyPair: KeyPair, value: Buffer): Promise<unknown>;
    /** The signature has been checked. */
    mutableGet(publicKey: Buffer, options: { readonly latest: boolean }): Promise<{ readonly value: Buffer } | null>;
    destroy(): Promise<void>;
  }
}

declare module 'hyperdht/testnet' {
  import type { Bootstrap } from 'hyperdht';

  /** Nodes on loopback. */
  export default function createTestnet(
    size: number,
  ): Promise<{ readonly bootstrap: readonly Bootstrap[]; destroy(): Promise<void> }>;
}
