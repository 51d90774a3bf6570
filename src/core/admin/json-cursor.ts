const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const minus = 0x2d;
const brace = 0x7b;
const closingBrace = 0x7d;
const zero = 0x30;
/** Digits of which any count is a safe integer. */
const safeDigits = 15;
const deepest = 16;

/** The text is not of a form that {@link JsonCursor} knows, be it JSON or not. */
export class Unfamiliar extends Error {}

/**
 * Reads JSON where it lies, leaving nothing for the garbage collector: for long texts of a known form that come all the time. It takes no
 * escapes and no numbers but counts; a text that has them where they matter is for `JSON.parse`. Each method throws {@link Unfamiliar}.
 */
export class JsonCursor {
  /** Where the last string begins and ends, its quotes not included. */
  from = 0;
  to = 0;
  private at = 0;

  constructor(private readonly text: Uint8Array) {}

  /** Moves into an object `{` or a list `[`. @returns whether there is anything in it */
  enter(opening: '{' | '['): boolean {
    if (this.next() !== opening.charCodeAt(0)) throw new Unfamiliar();
    this.at++;
    // In ASCII, a closing brace or bracket is two above its opening.
    if (this.next() !== opening.charCodeAt(0) + 2) return true;
    this.at++;
    return false;
  }

  /** Moves past the comma, or out of the object or list. @returns whether there is more of it */
  more(closing: '}' | ']'): boolean {
    const byte = this.next();
    this.at++;
    if (byte === comma) return true;
    if (byte === closing.charCodeAt(0)) return false;
    throw new Unfamiliar();
  }

  /** Reads a member's name, as {@link string} does. */
  name(): void {
    this.string();
    if (this.next() !== colon) throw new Unfamiliar();
    this.at++;
  }

  /** Reads a string and notes where it is. */
  string(): void {
    const { text } = this;
    if (this.next() !== quote) throw new Unfamiliar();
    let at = this.at + 1;
    this.from = at;
    for (let byte = text[at]; byte !== quote; byte = text[++at]) {
      if (byte === undefined || byte === backslash || byte < 0x20) throw new Unfamiliar();
    }
    this.to = at;
    this.at = at + 1;
  }

  /** Is it this that stands there? @param from where it begins; default: the last string */
  is(word: string, from = this.from, to = this.to): boolean {
    const { text } = this;
    const { length } = word;
    if (to - from !== length) return false;
    for (let index = 0; index < length; index++) if (text[from + index] !== word.charCodeAt(index)) return false;
    return true;
  }

  /** What stands there, which is to be ASCII. */
  word(from: number, to: number): string {
    return String.fromCharCode(...this.text.subarray(from, to));
  }

  /** Reads a count, from 0 to 999,999,999,999,999. */
  count(): number {
    const { text } = this;
    this.next();
    const from = this.at;
    let at = from;
    let value = 0;
    for (let digit = digitAt(text, at); digit >= 0; digit = digitAt(text, ++at)) value = value * 10 + digit;
    if (at === from || at - from > safeDigits || (at - from > 1 && text[from] === zero)) throw new Unfamiliar();
    this.at = at;
    return value;
  }

  /** Moves past an object. @returns its text, which is for `JSON.parse` to judge: nothing but its strings and braces was looked at */
  object(): string {
    if (this.next() !== brace) throw new Unfamiliar();
    const { text, at: from } = this;
    let at = from;
    let depth = 0;
    do {
      const byte = text[at];
      if (byte === undefined) throw new Unfamiliar();
      if (byte === quote) at = endOfString(text, at);
      else if (byte === brace) depth++;
      else if (byte === closingBrace) depth--;
      at++;
    } while (depth > 0);
    this.at = at;
    return Buffer.from(text.buffer, text.byteOffset + from, at - from).toString();
  }

  /** Moves past a value of any kind. */
  skip(depth = 0): void {
    const byte = this.next();
    if (depth > deepest) throw new Unfamiliar();
    if (byte === quote) this.string();
    else if (byte === brace) {
      if (this.enter('{'))
        do {
          this.name();
          this.skip(depth + 1);
        } while (this.more('}'));
    } else if (byte === 0x5b) {
      if (this.enter('['))
        do {
          this.skip(depth + 1);
        } while (this.more(']'));
    } else if (byte === minus || digitAt(this.text, this.at) >= 0) this.skipNumber();
    else this.skipLiteral();
  }

  private skipNumber(): void {
    const { text } = this;
    if (text[this.at] === minus) this.at++;
    const whole = this.digits();
    if (whole > 1 && text[this.at - whole] === zero) throw new Unfamiliar();
    if (text[this.at] === 0x2e) {
      this.at++;
      this.digits();
    }
    if (((text[this.at] ?? 0) | 0x20) === 0x65) {
      this.at++;
      const sign = text[this.at];
      if (sign === minus || sign === 0x2b) this.at++;
      this.digits();
    }
  }

  /** @returns how many there were, at least one */
  private digits(): number {
    const from = this.at;
    while (digitAt(this.text, this.at) >= 0) this.at++;
    if (this.at === from) throw new Unfamiliar();
    return this.at - from;
  }

  private skipLiteral(): void {
    const { at } = this;
    const literal = ['true', 'false', 'null'].find((word) => this.is(word, at, at + word.length));
    if (!literal) throw new Unfamiliar();
    this.at += literal.length;
  }

  /** Is there nothing more? */
  get ended(): boolean {
    return this.next() === undefined;
  }

  /** Moves past white space. @returns the byte after it; undefined at the end */
  private next(): number | undefined {
    const { text } = this;
    let byte = text[this.at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = text[++this.at];
    return byte;
  }
}

/** Where the quote is that ends a string with escapes, or the text. @param at where its first quote is */
function endOfString(text: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === backslash ? 2 : 1;
  return end;
}

/** The digit at a place; negative where there is none. */
function digitAt(text: Uint8Array, at: number): number {
  const digit = (text[at] ?? 0) - zero;
  return digit <= 9 ? digit : -1;
}
