/** Bytes in the order in which they came. */
export class ByteQueue {
  private readonly chunks: Uint8Array[] = [];
  private bytes = 0;

  get length(): number {
    return this.bytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** Up to so many bytes; undefined when there are none. */
  take(limit: number): Uint8Array | undefined {
    const wanted = Math.min(limit, this.bytes);
    if (wanted <= 0) return undefined;
    const parts: Uint8Array[] = [];
    let missing = wanted;
    while (missing > 0) {
      const [first] = this.chunks;
      if (!first) break;
      const part = first.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === first.length) this.chunks.shift();
      else this.chunks[0] = first.subarray(part.length);
    }
    this.bytes -= wanted;
    const [only] = parts;
    return parts.length === 1 && only ? only : Buffer.concat(parts);
  }
}
