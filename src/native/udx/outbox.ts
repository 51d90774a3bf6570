/**
 * What was written and the other end may not have yet, by offset in the stream. A lane that is lost takes what was under way with
 * it, so nothing is forgotten before the other end says that it has it.
 */
export class Outbox {
  private readonly chunks: Buffer[] = [];
  /** Offsets of the first chunk and of the end of the last. */
  private start = 0;
  private end = 0;
  /** The next to go out: its offset, and which chunk it is in. */
  private cursor = 0;
  private index = 0;
  private indexStart = 0;

  /** Has everything gone out? */
  get drained(): boolean {
    return this.cursor === this.end;
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.end += chunk.length;
  }

  /** The next piece, of what may go out up to an offset. */
  take(limit: number): Buffer | undefined {
    const chunk = this.chunks[this.index];
    if (!chunk || this.cursor >= limit) return undefined;
    const from = this.cursor - this.indexStart;
    const piece = chunk.subarray(from, from + limit - this.cursor);
    this.cursor += piece.length;
    if (from + piece.length === chunk.length) {
      this.index += 1;
      this.indexStart += chunk.length;
    }
    return piece;
  }

  /** The other end has everything before an offset. @returns false when that cannot be */
  trim(received: number): boolean {
    if (received > this.end) return false;
    for (let first = this.chunks[0]; first && this.start + first.length <= received && this.index > 0; first = this.chunks[0]) {
      this.chunks.shift();
      this.start += first.length;
      this.index -= 1;
    }
    return true;
  }

  /** Everything from an offset on goes out again; it is not before what was trimmed. */
  rewind(received: number): void {
    this.cursor = received;
    this.index = 0;
    this.indexStart = this.start;
    for (let chunk = this.chunks[0]; chunk && this.indexStart + chunk.length <= received; chunk = this.chunks[this.index]) {
      this.indexStart += chunk.length;
      this.index += 1;
    }
  }

  clear(): void {
    this.chunks.length = 0;
    this.index = 0;
    this.start = this.end;
    this.cursor = this.end;
    this.indexStart = this.end;
  }
}
