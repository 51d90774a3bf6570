/**
 * Where the values of an HJSON text stand: 1-based lines by path, with `JSON.stringify(path)` as the key.
 * Expects text that the parser has accepted; of any other the lines found so far are returned.
 */
export function hjsonLines(text: string): {
  lines: ReadonlyMap<string, number>;
  duplicates: readonly (readonly PropertyKey[])[];
} {
  const scanner = new Scanner(text);
  try {
    scanner.root();
  } catch (error) {
    if (!(error instanceof EndOfText)) throw error;
  }
  return scanner;
}

class EndOfText extends Error {}

class Scanner {
  readonly lines = new Map<string, number>();
  readonly duplicates: PropertyKey[][] = [];
  private at = 0;
  private line = 1;

  constructor(private readonly text: string) {}

  root(): void {
    this.white();
    if (this.char === '[') this.array([]);
    else if (this.char === '{') this.object([]);
    else this.members([], '');
  }

  private get char(): string {
    return this.text.charAt(this.at);
  }

  private step(): void {
    if (this.at >= this.text.length) throw new EndOfText();
    if (this.char === '\n') this.line++;
    this.at++;
  }

  private skip(count: number): void {
    for (let i = 0; i < count; i++) this.step();
  }

  /** White space, and comments as `#`, `//` and between slashes with asterisks. */
  private white(): void {
    for (;;) {
      while (this.char !== '' && this.char <= ' ') this.step();
      if (this.char === '#' || this.text.startsWith('//', this.at)) {
        while (this.char !== '' && this.char !== '\n') this.step();
      } else if (this.text.startsWith('/*', this.at)) {
        this.skip(2);
        while (!this.text.startsWith('*/', this.at)) this.step();
        this.skip(2);
      } else return;
    }
  }

  private object(path: PropertyKey[]): void {
    this.step();
    this.members(path, '}');
    this.step();
  }

  private members(path: PropertyKey[], end: string): void {
    for (this.white(); this.char !== end && this.char !== ''; this.separator()) {
      const line = this.line;
      const at = [...path, this.key()];
      if (this.lines.has(JSON.stringify(at))) this.duplicates.push(at);
      this.lines.set(JSON.stringify(at), line);
      this.white();
      this.step();
      this.value(at);
    }
  }

  private array(path: PropertyKey[]): void {
    this.step();
    this.white();
    for (let index = 0; this.char !== ']'; index++, this.separator()) {
      const at = [...path, index];
      this.lines.set(JSON.stringify(at), this.line);
      this.value(at);
    }
    this.step();
  }

  private separator(): void {
    this.white();
    if (this.char === ',') this.step();
    this.white();
  }

  private key(): string {
    const start = this.at;
    if (this.char === '"' || this.char === "'") {
      this.quoted();
      const raw = this.text.slice(start, this.at);
      return raw.startsWith('"') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    }
    while (this.char !== ':') this.step();
    return this.text.slice(start, this.at).trim();
  }

  private value(path: PropertyKey[]): void {
    this.white();
    if (this.char === '{') this.object(path);
    else if (this.char === '[') this.array(path);
    else if (this.text.startsWith("'''", this.at)) {
      this.skip(3);
      while (!this.text.startsWith("'''", this.at)) this.step();
      this.skip(3);
    } else if (this.char === '"' || this.char === "'") this.quoted();
    else this.unquoted();
  }

  private quoted(): void {
    const quote = this.char;
    for (this.step(); this.char !== quote; this.step()) if (this.char === '\\') this.step();
    this.step();
  }

  /** Numbers, true, false and null end at punctuation; any other unquoted value runs to the end of its line. */
  private unquoted(): void {
    const start = this.at;
    for (;;) {
      this.step();
      if (['', '\r', '\n'].includes(this.char)) return;
      const next = this.text.slice(this.at, this.at + 2);
      if (/^(?:[,}\]#]|\/[/*])/.test(next) && isLiteral(this.text.slice(start, this.at))) return;
    }
  }
}

/** As the parser has it: what begins with a zero too many, or is beyond all numbers, is text. */
function isLiteral(value: string): boolean {
  if (/^(?:true|false|null)\s*$/.test(value)) return true;
  return /^-?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?\s*$/.test(value) && Number.isFinite(Number(value));
}
