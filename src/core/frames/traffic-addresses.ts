/** Of two keys. */
const keysBytes = 64;

/**
 * Reads the addresses of a traffic frame: two paths, each a row of uvarints with a zero at its end, then the keys of the
 * source and of the destination (ironwood, network/traffic.go).
 */
export class TrafficAddresses {
  /** Does it need more of the body? */
  wanted = false;
  private paths = 0;
  /** Within a uvarint of several bytes, in which a zero ends nothing. */
  private within = false;
  private readonly expected: Buffer;
  private readonly keys = Buffer.alloc(keysBytes);
  private keyLength = 0;

  /** @param source and `destination`: keys, 32 bytes each, of traffic that serves the link's own ends */
  constructor(source: Uint8Array, destination: Uint8Array) {
    this.expected = Buffer.concat([source, destination]);
  }

  /** A frame begins. */
  open(): void {
    this.wanted = true;
    this.paths = 0;
    this.within = false;
    this.keyLength = 0;
  }

  /** The frame has ended, or is none. */
  close(): void {
    this.wanted = false;
  }

  /** @returns whose traffic it is, once that is known */
  read(chunk: Buffer, from: number, to: number): 'own' | 'transit' | undefined {
    let at = from;
    while (this.paths < 2 && at < to) {
      const byte = chunk[at++] ?? 0;
      if (byte === 0 && !this.within) this.paths += 1;
      this.within = byte >= 0x80;
    }
    if (this.keyLength === 0 && to - at >= keysBytes) {
      return this.tell(chunk.compare(this.expected, 0, keysBytes, at, at + keysBytes) === 0);
    }
    this.keyLength += chunk.copy(this.keys, this.keyLength, at, to);
    return this.keyLength < keysBytes ? undefined : this.tell(this.keys.equals(this.expected));
  }

  private tell(own: boolean): 'own' | 'transit' {
    this.wanted = false;
    return own ? 'own' : 'transit';
  }
}
