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
  /** What is held has been put off for {@link push}'s `take`, and not been looked at. */
  private isUnseen = false;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /**
   * @param limit bytes an object may have
   * @param onObject called with each object's text, in order, which is the callee's until it returns
   */
  constructor(
    private readonly limit: number,
    private readonly onObject: (text: Buffer) => void,
  ) {}

  /** An object has begun and not ended. */
  get midway(): boolean {
    return this.held > 0;
  }

  /**
   * @param take a reader who knows what to expect, and so can tell by itself whether what has come is one whole object: asked once, when it
   * may be. Where it says so nobody else looks at the bytes, and the object is not passed on.
   * @throws NotAnObject at any byte outside an object that is not white space, TooLarge beyond the limit
   */
  push(chunk: Buffer, take?: (text: Buffer) => boolean): void {
    const mayTake = this.isUnseen || (this.held === 0 && chunk[0] === open);
    if (!take || !mayTake) {
      this.lookAgain();
      this.scan(chunk);
      return;
    }
    this.hold(chunk);
    this.isUnseen = true;
    if (!endsWithBrace(chunk)) return;
    if (take(this.store.subarray(0, this.held))) {
      this.held = 0;
      this.isUnseen = false;
    } else this.lookAgain();
  }

  /** Looks at what was put off. */
  private lookAgain(): void {
    if (!this.isUnseen) return;
    const text = Buffer.from(this.store.subarray(0, this.held));
    this.held = 0;
    this.isUnseen = false;
    this.scan(text);
  }

  private scan(chunk: Buffer): void {
    const { length } = chunk;
    let start = 0;
    let index = 0;
    let { depth, inString, escaped } = this;
    while (index < length) {
      if (escaped) {
        escaped = false;
        index++;
      } else if (inString) {
        // Most of a long reply: a loop of its own makes it twice as fast.
        let byte = chunk[index];
        while (byte !== quote && byte !== backslash && ++index < length) byte = chunk[index];
        inString = byte !== quote;
        escaped = byte === backslash;
        index++;
      } else {
        const byte = chunk[index++];
        if (byte === 0x20) {
          // White space anywhere, and most of it.
        } else if (depth === 0) {
          if (byte === open) {
            depth = 1;
            start = index - 1;
          } else if (byte !== 0x0a && byte !== 0x0d && byte !== 0x09) throw new NotAnObject();
        } else if (byte === quote) inString = true;
        else if (byte === open) depth++;
        else if (byte === close && --depth === 0) this.finish(chunk.subarray(start, index));
      }
    }
    if (depth > 0) this.hold(chunk.subarray(start));
    Object.assign(this, { depth, inString, escaped });
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

  private finish(last: Buffer): void {
    this.hold(last);
    const { held } = this;
    this.held = 0;
    this.onObject(this.store.subarray(0, held));
  }
}

/** White space may follow it. */
function endsWithBrace(chunk: Buffer): boolean {
  let last = chunk.length - 1;
  while (last >= 0 && (chunk[last] as number) <= 0x20) last--;
  return chunk[last] === close;
}

class NotAnObject extends Error {
  override message = 'something that is not a JSON object';
}

export class TooLarge extends Error {
  constructor(readonly limit: number) {
    super(`an object of more than ${limit} bytes`);
  }
}
