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
  private readonly peers = new Map<string, PeerTraffic>();
  private readonly timer: Timer;
  private looks = 0;
  /** When the last looks were, each at its number modulo how many are remembered. */
  private readonly times = new Float64Array(maxSamples);

  constructor(
    private readonly clock: Clock,
    private readonly bridges: () => readonly LiveBridge[],
  ) {
    this.timer = every(clock, intervalMs, () => this.look());
  }

  /** @param since milliseconds since 1970: only what is newer */
  report(since = 0): Traffic {
    return {
      schemaVersion,
      intervalMs,
      peers: [...this.peers].map(([key, traffic]) => ({ key, samples: this.samples(traffic, since) })),
    };
  }

  /** Idempotent. */
  close(): void {
    this.timer.cancel();
  }

  private look(): void {
    const look = this.looks++;
    this.times[look % maxSamples] = Math.round(this.clock.wallTime());
    for (const bridge of this.bridges()) {
      const { key } = bridge.peer;
      let traffic = this.peers.get(key);
      if (!traffic) {
        if (this.peers.size >= maxPeers) continue;
        traffic = new PeerTraffic(look);
        this.peers.set(key, traffic);
      }
      traffic.see(bridge);
    }
    for (const [key, traffic] of this.peers) if (!traffic.sample(look)) this.peers.delete(key);
  }

  private samples(traffic: PeerTraffic, since: number): TrafficSample[] {
    const samples: TrafficSample[] = [];
    for (let look = Math.max(traffic.first, this.looks - maxSamples); look < this.looks; look++) {
      const at = this.times[look % maxSamples] ?? 0;
      if (at > since) samples.push({ at, ...traffic.at(look) });
    }
    return samples;
  }
}

/** Places of a sample's numbers: bytes, and microseconds of the round trip, 0 where none is known. */
const place = { bytesIn: 0, bytesOut: 1, rtt: 2 } as const;
const sampleLength = 3;
const most = 0xffff_ffff;

/** One peer's. The samples lie in a ring of plain numbers: with hundreds of peers there are tens of thousands, and as many go as come. */
class PeerTraffic {
  private readonly ring = new Uint32Array(maxSamples * sampleLength);
  /** What had gone over each of its bridges at the last look, of which there is one but while another takes its place. */
  private readonly counted = new Map<string, { bytesIn: number; bytesOut: number; isUp: boolean }>();
  private bytesIn = 0;
  private bytesOut = 0;
  private rttMs = 0;

  /** @param first number of the look that it was first seen at */
  constructor(readonly first: number) {}

  /** Once a look for each bridge that is up. */
  see({ attempt, counters: { bytesIn, bytesOut }, rttMs = 0 }: LiveBridge): void {
    let bridge = this.counted.get(attempt);
    if (!bridge) {
      bridge = { bytesIn: 0, bytesOut: 0, isUp: true };
      this.counted.set(attempt, bridge);
    }
    this.bytesIn += bytesIn - bridge.bytesIn;
    this.bytesOut += bytesOut - bridge.bytesOut;
    this.rttMs = rttMs;
    bridge.bytesIn = bytesIn;
    bridge.bytesOut = bytesOut;
    bridge.isUp = true;
  }

  /** Ends a look. @returns false when there has been nothing for as long as is remembered */
  sample(look: number): boolean {
    const { ring } = this;
    const start = (look % maxSamples) * sampleLength;
    ring[start + place.bytesIn] = Math.min(this.bytesIn, most);
    ring[start + place.bytesOut] = Math.min(this.bytesOut, most);
    ring[start + place.rtt] = Math.min(Math.round(this.rttMs * 1000), most);
    this.bytesIn = 0;
    this.bytesOut = 0;
    this.rttMs = 0;
    for (const [attempt, bridge] of this.counted) {
      if (!bridge.isUp) this.counted.delete(attempt);
      bridge.isUp = false;
    }
    return this.counted.size > 0 || ring.some((number) => number > 0);
  }

  at(look: number): Omit<TrafficSample, 'at'> {
    const start = (look % maxSamples) * sampleLength;
    const number = (index: number) => this.ring[start + index] ?? 0;
    const rtt = number(place.rtt);
    return { bytesIn: number(place.bytesIn), bytesOut: number(place.bytesOut), rttMs: rtt === 0 ? null : rtt / 1000 };
  }
}
