import { type Clock, every, type Timer } from '../core/clock.js';
import type { PumpCounters } from '../core/pump.js';
import type { Traffic, TrafficSample } from './observation-schemas.js';
import { schemaVersion } from './schemas.js';

/** How often is looked, in milliseconds, and how many looks are remembered: ten minutes. */
const intervalMs = 2000;
const maxSamples = 300;
/** Peers remembered; more are not looked at. */
const maxPeers = 256;

/** A bridge that is up, as far as readers may know it. */
export interface LiveBridge {
  readonly peer: { readonly key: string; readonly address: string };
  readonly attempt: string;
  readonly strategy: string;
  readonly kind: 'direct' | 'relayed';
  /** As they stand when they are asked for. */
  readonly counters: Pick<PumpCounters, 'bytesIn' | 'bytesOut'>;
  /** Round trip over the overlay that it replaced, milliseconds. */
  readonly overlayRttMs: number;
  /** The last round trip of the path in milliseconds; undefined until one was measured. */
  readonly rttMs: number | undefined;
}

/** What went over the bridges in the last ten minutes, peer by peer. Looks by itself until it is closed. */
export class TrafficHistory {
  private readonly samples = new Map<string, TrafficSample[]>();
  /** What had gone over each attempt's bridge at the last look. */
  private counted = new Map<string, LiveBridge['counters']>();
  private readonly timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly bridges: () => readonly LiveBridge[],
  ) {
    this.timer = every(clock, intervalMs, () => this.look());
  }

  /** @param since milliseconds since 1970: only what is newer */
  report(since = 0): Traffic {
    const peers = [...this.samples].map(([key, samples]) => ({ key, samples: samples.filter(({ at }) => at > since) }));
    return { schemaVersion, intervalMs, peers };
  }

  /** Idempotent. */
  close(): void {
    this.timer.cancel();
  }

  private look(): void {
    const at = Math.round(this.clock.wallTime());
    const bridges = this.bridges();
    const before = this.counted;
    this.counted = new Map();
    const byPeer = new Map<string, LiveBridge[]>();
    for (const bridge of bridges) {
      const { key } = bridge.peer;
      if (!this.samples.has(key) && this.samples.size < maxPeers) this.samples.set(key, []);
      if (!this.samples.has(key)) continue;
      byPeer.set(key, [...(byPeer.get(key) ?? []), bridge]);
      this.counted.set(bridge.attempt, { ...bridge.counters });
    }
    for (const [key, samples] of this.samples) {
      const own = byPeer.get(key) ?? [];
      const grown = (counter: 'bytesIn' | 'bytesOut') =>
        own.reduce(
          (sum, { attempt }) => sum + (this.counted.get(attempt)?.[counter] ?? 0) - (before.get(attempt)?.[counter] ?? 0),
          0,
        );
      samples.push({ at, bytesIn: grown('bytesIn'), bytesOut: grown('bytesOut'), rttMs: own.at(-1)?.rttMs ?? null });
      if (samples.length > maxSamples) samples.shift();
      if (own.length === 0 && samples.every(({ bytesIn, bytesOut, rttMs }) => rttMs === null && bytesIn + bytesOut === 0)) {
        this.samples.delete(key);
      }
    }
  }
}
