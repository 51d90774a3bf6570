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

/** What went over the bridges in the last ten minutes, peer by peer: a reader of the agent's events, which looks by itself until it is closed. */
export class TrafficHistory {
  private readonly peers = new Map<string, PeerTraffic>();
  private readonly timer: Timer;
  private looks = 0;
  /** When the last looks were, each at its number modulo how many are remembered. */
  private readonly times = new Float64Array(maxSamples);

  /** @param traffic what has gone over the bridge that came of an attempt; undefined for one that is not up */
  constructor(
    private readonly clock: Clock,
    private readonly traffic: (attempt: string) => PumpReadings | undefined,
  ) {
    this.timer = every(clock, intervalMs, () => this.look());
  }

  read(event: AgentEvent): void {
    if (event.event !== 'bridge.up') return;
    const { key } = event.peer;
    let peer = this.peers.get(key);
    if (!peer) {
      if (this.peers.size >= maxPeers) return;
      peer = new PeerTraffic(this.looks);
      this.peers.set(key, peer);
    }
    peer.follow(event.attempt, event.rttMs);
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

  private look(): void {
    const look = this.looks++;
    this.times[look % maxSamples] = Math.round(this.clock.wallTime());
    for (const [key, peer] of this.peers) if (!peer.sample(look, this.traffic)) this.peers.delete(key);
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
  follow(attempt: string, rttMs: number): void {
    this.bridges.set(attempt, { rttMs, bytesIn: 0, bytesOut: 0 });
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
