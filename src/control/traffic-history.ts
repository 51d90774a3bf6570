import { type Clock, every, type Timer } from '../core/clock.js';
import type { AgentEvent } from '../core/events.js';
import type { PumpReadings } from '../core/pump.js';
import type { Traffic, TrafficSample } from './observation-schemas.js';
import { schemaVersion } from './schemas.js';

/** How often is looked, in milliseconds, and how many looks are remembered: ten minutes. */
const intervalMs = 2000;
const maxSamples = 300;
/** Peers remembered; more are not looked at. */
const maxPeers = 256;

/** A bridge that is up. */
export interface FollowedBridge {
  /** The peer's, 64 hex digits. */
  readonly key: string;
  /** The attempt that it came of. */
  readonly attempt: string;
  /** Of its path when it came up, in milliseconds. */
  readonly rttMs: number;
}

interface Bytes {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const none: Bytes = { bytesIn: 0, bytesOut: 0 };

/** What went over the bridges in the last ten minutes, peer by peer: a reader of the agent's events, which looks by itself until it is closed. */
export class TrafficHistory {
  private readonly peers = new Map<string, PeerTraffic>();
  private readonly timer: Timer;
  private looks = 0;
  /** When the last looks were, each at its number modulo how many are remembered. */
  private readonly times = new Float64Array(maxSamples);

  /**
   * @param traffic what has gone over the bridge that came of an attempt; undefined for one that is not up
   * @param bridges all that are up
   */
  constructor(
    private readonly clock: Clock,
    private readonly traffic: (attempt: string) => PumpReadings | undefined,
    private readonly bridges: () => Iterable<FollowedBridge>,
  ) {
    this.timer = every(clock, intervalMs, () => this.look());
  }

  read(event: AgentEvent): void {
    if (event.event === 'bridge.up') this.follow({ key: event.peer.key, attempt: event.attempt, rttMs: event.rttMs });
  }

  /** @param since milliseconds since 1970: only what is newer */
  report(since = 0): Traffic {
    return {
      schemaVersion,
      intervalMs,
      peers: [...this.peers].map(([key, peer]) => ({ key, samples: this.samples(peer, since) })),
    };
  }

  /** Idempotent. */
  close(): void {
    this.timer.cancel();
  }

  /** @param before what is left out, having gone over it earlier */
  private follow({ key, attempt, rttMs }: FollowedBridge, before: Bytes = none): void {
    let peer = this.peers.get(key);
    if (!peer) {
      if (this.peers.size >= maxPeers) return;
      peer = new PeerTraffic(this.looks);
      this.peers.set(key, peer);
    }
    peer.follow(attempt, rttMs, before);
  }

  private look(): void {
    const look = this.looks++;
    this.times[look % maxSamples] = Math.round(this.clock.wallTime());
    const full = this.peers.size === maxPeers;
    for (const [key, peer] of this.peers) if (!peer.sample(look, this.traffic)) this.peers.delete(key);
    // Room for those for whom there was none when they came up.
    if (full && this.peers.size < maxPeers) {
      for (const bridge of this.bridges()) this.follow(bridge, this.traffic(bridge.attempt)?.counters);
    }
  }

  private samples(peer: PeerTraffic, since: number): TrafficSample[] {
    const samples: TrafficSample[] = [];
    for (let look = Math.max(peer.first, this.looks - maxSamples); look < this.looks; look++) {
      const at = this.times[look % maxSamples] ?? 0;
      if (at > since) samples.push({ at, ...peer.at(look) });
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
  /** Its bridges by attempt, of which there is one but while another takes its place, and what had gone over each at the last look. */
  private readonly bridges = new Map<string, { readonly rttMs: number; bytesIn: number; bytesOut: number }>();

  /** @param first number of the first look at it */
  constructor(readonly first: number) {}

  /** @param rttMs of the path, until it is measured again */
  follow(attempt: string, rttMs: number, { bytesIn, bytesOut }: Bytes): void {
    if (!this.bridges.has(attempt)) this.bridges.set(attempt, { rttMs, bytesIn, bytesOut });
  }

  /** Looks. @returns false when there has been nothing for as long as is remembered */
  sample(look: number, traffic: (attempt: string) => PumpReadings | undefined): boolean {
    let [bytesIn, bytesOut, rttMs] = [0, 0, 0];
    for (const [attempt, bridge] of this.bridges) {
      const now = traffic(attempt);
      if (!now) {
        this.bridges.delete(attempt);
        continue;
      }
      const { counters, delays } = now;
      bytesIn += counters.bytesIn - bridge.bytesIn;
      bytesOut += counters.bytesOut - bridge.bytesOut;
      rttMs = delays?.rttMs ?? bridge.rttMs;
      bridge.bytesIn = counters.bytesIn;
      bridge.bytesOut = counters.bytesOut;
    }
    const { ring } = this;
    const start = (look % maxSamples) * sampleLength;
    ring[start + place.bytesIn] = Math.min(bytesIn, most);
    ring[start + place.bytesOut] = Math.min(bytesOut, most);
    ring[start + place.rtt] = Math.min(Math.round(rttMs * 1000), most);
    return this.bridges.size > 0 || ring.some((number) => number > 0);
  }

  at(look: number): Omit<TrafficSample, 'at'> {
    const start = (look % maxSamples) * sampleLength;
    const number = (index: number) => this.ring[start + index] ?? 0;
    const rtt = number(place.rtt);
    return { bytesIn: number(place.bytesIn), bytesOut: number(place.bytesOut), rttMs: rtt === 0 ? null : rtt / 1000 };
  }
}
