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
}

/** Delays to one node from its answers to some questions: the least each way, for whatever a packet meets only adds to what it takes. */
export class DelaySamples {
  private readonly exchanges: Exchange[] = [];
  private lost = 0;

  /** Takes an answer. One whose times are impossible counts as lost. */
  add(exchange: Exchange): void {
    const { heardAt, answeredAt } = exchange;
    if (answeredAt >= heardAt && roundTrip(exchange) >= 0) this.exchanges.push(exchange);
    else this.lost += 1;
  }

  /** A question had no answer. */
  addLost(): void {
    this.lost += 1;
  }

  /** Undefined while there is no answer. */
  get delays(): MeasuredDelays | undefined {
    const { exchanges, lost } = this;
    if (exchanges.length === 0) return undefined;
    const leastOutMs = Math.min(...exchanges.map(({ sentAt, heardAt }) => heardAt - sentAt));
    const leastInMs = Math.min(...exchanges.map(({ answeredAt, returnedAt }) => returnedAt - answeredAt));
    const rttMs = leastOutMs + leastInMs;
    // Whatever is lost is sent again, a round trip later: that is what a lossy way costs on the average.
    const lossMs = (rttMs * lost) / exchanges.length;
    return {
      outMs: leastOutMs + lossMs / 2,
      inMs: leastInMs + lossMs / 2,
      rttMs: rttMs + lossMs,
    };
  }
}

/** What an answer took less the time it lay at the other end: each difference is of one clock. */
function roundTrip({ sentAt, heardAt, answeredAt, returnedAt }: Exchange): number {
  return returnedAt - sentAt - (answeredAt - heardAt);
}
