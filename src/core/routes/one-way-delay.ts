/** Four times of a question and its answer (RFC 5905 section 8), in milliseconds. */
export interface Exchange {
  /** When the question left, on our clock. */
  readonly sentAt: number;
  /** When it came and when the answer left, on the other end's clock, which may say anything. */
  readonly heardAt: number;
  readonly answeredAt: number;
  /** When the answer came, on our clock. */
  readonly returnedAt: number;
}

/**
 * How far two nodes are from each other, in milliseconds. The two directions hold how far the clocks are apart, once added and once
 * taken away: alone they mean nothing, and may be less than zero. Along two ways with the same ends it is the same and cancels
 * (docs/routes.md).
 */
export interface OneWayDelays {
  /** What the other end's clock shows when something comes there, less what ours showed when it left; and the way back. */
  readonly outMs: number;
  readonly inMs: number;
}

export interface MeasuredDelays extends OneWayDelays {
  /** The round trip, on our clock alone. */
  readonly rttMs: number;
  /** Part of the questions that had no answer, 0 to 1. */
  readonly loss: number;
}

/** Delays to one node from its last answers: medians, so that a packet which met a queue moves nothing. */
export class DelayWindow {
  private readonly exchanges: (Exchange | undefined)[] = [];

  /** @param size questions that count; older ones are forgotten */
  constructor(private readonly size: number) {}

  /** Takes an answer. @returns whether its times are possible; others do not count */
  add(exchange: Exchange): boolean {
    const { heardAt, answeredAt } = exchange;
    const possible = answeredAt >= heardAt && roundTrip(exchange) >= 0;
    if (possible) this.push(exchange);
    return possible;
  }

  /** A question had no answer. */
  addLost(): void {
    this.push(undefined);
  }

  /** Undefined while there is no answer. */
  get delays(): MeasuredDelays | undefined {
    const answered = this.exchanges.flatMap((exchange) => exchange ?? []);
    if (answered.length === 0) return undefined;
    return {
      outMs: median(answered.map(({ sentAt, heardAt }) => heardAt - sentAt)),
      inMs: median(answered.map(({ answeredAt, returnedAt }) => returnedAt - answeredAt)),
      rttMs: median(answered.map(roundTrip)),
      loss: 1 - answered.length / this.exchanges.length,
    };
  }

  private push(exchange: Exchange | undefined): void {
    this.exchanges.push(exchange);
    if (this.exchanges.length > this.size) this.exchanges.shift();
  }
}

/** What an answer took less the time it lay at the other end: each difference is of one clock. */
function roundTrip({ sentAt, heardAt, answeredAt, returnedAt }: Exchange): number {
  return returnedAt - sentAt - (answeredAt - heardAt);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
