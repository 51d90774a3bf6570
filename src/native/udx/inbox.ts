/** The most that is handed on as one chunk, in bytes. */
const chunkBytes = 64 * 1024;
/** Credit is returned in portions of this part of the window. */
const portion = 1 / 8;

export interface InboxOptions {
  /** Takes a chunk, or null for the end. @returns false when no more is wanted for now */
  push(chunk: Buffer | null): boolean;
  /** The limit has grown by a portion worth telling. */
  onCredit(): void;
}

/**
 * What has come and was not asked for yet. udx cannot be paused, so the other end is told how much it may send; and it gives a
 * chunk for each datagram, so neighbours are joined (they lie side by side in memory) before anyone has work with them.
 */
export class Inbox {
  private readonly queue: Buffer[] = [];
  private count = 0;
  private taken = 0;
  private told: number;
  private wanted = false;
  private ended = false;
  private turn: NodeJS.Immediate | undefined;

  constructor(
    private readonly windowBytes: number,
    private readonly options: InboxOptions,
  ) {
    this.told = windowBytes;
  }

  /** How many bytes the other end may have sent in all. */
  get limit(): number {
    this.told = this.taken + this.windowBytes;
    return this.told;
  }

  /** How many bytes have come in all. */
  get received(): number {
    return this.count;
  }

  /** @returns false when the other end was not allowed to send that much */
  put(data: Buffer): boolean {
    this.count += data.length;
    if (this.count > this.told) return false;
    const last = this.queue.at(-1);
    if (last && last.length + data.length <= chunkBytes && adjacent(last, data)) {
      this.queue[this.queue.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + data.length);
    } else {
      this.queue.push(data);
    }
    this.deliverLater();
    return true;
  }

  end(): void {
    this.ended = true;
    this.deliverLater();
  }

  /** The reader asks for more. */
  want(): void {
    this.wanted = true;
    if (this.queue.length > 0 || this.ended) this.deliverLater();
  }

  discard(): void {
    clearImmediate(this.turn);
    this.turn = undefined;
    this.queue.length = 0;
    this.wanted = false;
  }

  /** After the datagrams that are at hand: they make one chunk. */
  private deliverLater(): void {
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.deliver();
    });
  }

  private deliver(): void {
    while (this.wanted) {
      const chunk = this.queue.shift();
      if (!chunk) break;
      this.taken += chunk.length;
      // A push may ask for more before it returns.
      this.wanted = false;
      if (this.options.push(chunk)) this.wanted = true;
    }
    if (this.queue.length === 0 && this.ended) {
      this.ended = false;
      this.options.push(null);
    } else if (this.taken + this.windowBytes - this.told >= this.windowBytes * portion) this.options.onCredit();
  }
}

function adjacent(left: Buffer, right: Buffer): boolean {
  return left.buffer === right.buffer && left.byteOffset + left.length === right.byteOffset;
}
