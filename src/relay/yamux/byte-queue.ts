/** Parts below this many bytes are joined: one byte a frame would cost a hundred times its size. */
const smallPart = 2048;
const blockLength = 4096;

/** Bytes that wait, in order. Takes about as much memory as it holds, however small the parts are that it gets. */
export class ByteQueue {
  private readonly parts: Buffer[] = [];
  /** The last part, when there is room in it. */
  private tail: { readonly block: Buffer; used: number } | undefined;

  push(part: Buffer): void {
    if (part.length >= smallPart) {
      this.parts.push(part);
      this.tail = undefined;
      return;
    }
    if (!this.tail || this.tail.used + part.length > blockLength) {
      this.tail = { block: Buffer.allocUnsafeSlow(blockLength), used: 0 };
      this.parts.push(this.tail.block);
    }
    part.copy(this.tail.block, this.tail.used);
    this.tail.used += part.length;
    this.parts[this.parts.length - 1] = this.tail.block.subarray(0, this.tail.used);
  }

  shift(): Buffer | undefined {
    const part = this.parts.shift();
    if (this.parts.length === 0) this.tail = undefined;
    return part;
  }

  clear(): void {
    this.parts.length = 0;
    this.tail = undefined;
  }
}
