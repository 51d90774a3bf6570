const quote = 0x22;
const backslash = 0x5c;
const open = 0x7b;
const close = 0x7d;

/**
 * Cuts a stream of JSON objects that nothing separates into objects. It finds an object's end by counting braces outside
 * strings, looking at each byte once however the stream is chunked. Whether an object is valid JSON is the parser's business.
 */
export class JsonSplitter {
  /** The beginning of an object. Kept for the next, so that long replies that come all the time are no work for the garbage collector. */
  private store = Buffer.alloc(0);
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
   * @returns texts of the objects that end in this chunk, in order
   * @throws NotAnObject at any byte outside an object that is not white space, TooLarge beyond the limit
   */
  push(chunk: Buffer): string[] {
    const objects: string[] = [];
    const { length } = chunk;
    let start = 0;
    let { depth, inString, escaped } = this;
    for (let index = 0; index < length; index++) {
      let byte = chunk[index];
      if (inString) {
        // Most of a long reply: a loop of its own makes it twice as fast.
        while (index < length && (escaped || byte !== quote)) {
          escaped = !escaped && byte === backslash;
          byte = chunk[++index];
        }
        inString = index === length;
      } else if (byte === 0x20) {
        // White space anywhere, and most of it.
      } else if (depth === 0) {
        if (byte === open) {
          depth = 1;
          start = index;
        } else if (byte !== 0x0a && byte !== 0x0d && byte !== 0x09) throw new NotAnObject();
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
    const held = this.held + part.length;
    if (held > this.limit) throw new TooLarge(this.limit);
    if (held > this.store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(held, 2 * this.store.length), this.limit));
      this.store.copy(grown, 0, 0, this.held);
      this.store = grown;
    }
    part.copy(this.store, this.held);
    this.held = held;
  }

  private take(last: Buffer): string {
    this.hold(last);
    const text = this.store.toString('utf8', 0, this.held);
    this.held = 0;
    return text;
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
