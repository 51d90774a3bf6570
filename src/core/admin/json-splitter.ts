const quote = 0x22;
const backslash = 0x5c;
const open = 0x7b;
const close = 0x7d;

/**
 * Cuts a stream of JSON objects that nothing separates into objects. It finds an object's end by counting braces outside
 * strings, looking at each byte once however the stream is chunked. Whether an object is valid JSON is the parser's business.
 */
export class JsonSplitter {
  private parts: Buffer[] = [];
  private held = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @param limit bytes an object may have */
  constructor(private readonly limit: number) {}

  /** An object has begun and not ended. */
  get midway(): boolean {
    return this.depth > 0;
  }

  /**
   * @returns the objects that end in this chunk, in order
   * @throws NotAnObject at any byte outside an object that is not white space, TooLarge beyond the limit
   */
  push(chunk: Buffer): Buffer[] {
    const objects: Buffer[] = [];
    let start = 0;
    let { depth, inString, escaped } = this;
    for (let index = 0; index < chunk.length; index++) {
      let byte = chunk[index];
      if (inString) {
        // Most of a long reply: a loop of its own makes it twice as fast.
        for (; index < chunk.length && (escaped || byte !== quote); byte = chunk[++index])
          escaped = !escaped && byte === backslash;
        inString = index === chunk.length;
      } else if (depth === 0) {
        if (byte === open) {
          depth = 1;
          start = index;
        } else if (byte !== 0x0a && byte !== 0x20 && byte !== 0x0d && byte !== 0x09) throw new NotAnObject();
      } else if (byte === quote) inString = true;
      else if (byte === open) depth++;
      else if (byte === close && --depth === 0) {
        objects.push(this.take(chunk.subarray(start, index + 1)));
      }
    }
    if (depth > 0) this.hold(chunk.subarray(start));
    Object.assign(this, { depth, inString, escaped });
    return objects;
  }

  private hold(part: Buffer): void {
    this.held += part.length;
    if (this.held > this.limit) throw new TooLarge(this.limit);
    this.parts.push(part);
  }

  private take(last: Buffer): Buffer {
    this.hold(last);
    const whole = this.parts.length === 1 ? last : Buffer.concat(this.parts, this.held);
    this.parts = [];
    this.held = 0;
    return whole;
  }
}

class NotAnObject extends Error {
  override message = 'something that is not a JSON object';
}

export class TooLarge extends Error {
  constructor(readonly limit: number) {
    super(`an object of more than ${limit} bytes`);
  }
}
