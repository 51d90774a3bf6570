import type { PeerRef } from './events.js';
import type { ByteStream, Net } from './net.js';
import type { Peer } from './peer.js';
import { SessionActivity } from './session-activity.js';

/** What a segment of signalling costs beside its payload: IPv6 and TCP headers with options, and the overlay's own byte. */
const segmentOverhead = 80;
/** What the end of a link costs on the overlay at most, in bytes. */
const farewellCost = 1000;

/** What is remembered of one of the router's sessions, whether or not it deserves a peer. Times are the clock's, in milliseconds. */
export class WatchedSession implements PeerRef {
  readonly key: string;
  readonly address: string;
  readonly activity = new SessionActivity();
  /** Bytes both ways by the router's count at the last poll that changed anything; -1 before the first. */
  total = -1;
  /** When its peer was met. */
  seenAt: number;
  lastForeignAt: number;
  /** Number of the last poll that had it. */
  poll = 0;
  /** Polls in a row without it. */
  misses = 0;
  /** The time of the first of those. */
  missedSince = 0;
  peer: Peer | undefined;
  /** The peer’s agent has come to us since the last try. */
  invited = false;
  /** The router has had a session with it since its peer was met. */
  announced = false;
  /** Foreign bytes at the end of the last try. */
  spentBytes = 0;
  /** Those who wait until it deserves a try. */
  readonly waiting = new Set<() => void>();
  /** Of the link's own traffic, how much has been credited. */
  private creditedOwn = 0;

  constructor({ key, address }: PeerRef, now: number) {
    this.key = key;
    this.address = address;
    this.seenAt = now;
    this.lastForeignAt = now;
  }

  /** From here on the link's own counters tell exactly what was guessed when it was dialled. */
  linkUp(): void {
    this.activity.clearCredit();
    this.creditedOwn = 0;
  }

  linkDown(now: number): void {
    this.activity.creditOwn(farewellCost, now);
  }

  /** What the link has sent and received since the last look is ours, and not a reason for anything. */
  creditLink(stream: ByteStream, net: Pick<Net, 'tcpInfo'>, now: number): void {
    const info = net.tcpInfo(stream);
    const { bytesRead = 0, bytesWritten = 0 } = stream;
    const segments = info ? info.segmentsIn + info.segmentsOut : 0;
    const own = info ? info.bytesIn + info.bytesOut + segments * segmentOverhead : (bytesRead + bytesWritten) * 2;
    if (own > this.creditedOwn) this.activity.creditOwn(own - this.creditedOwn, now);
    this.creditedOwn = own;
  }

  /** From now on only new traffic is a reason to try again. */
  tried(): void {
    this.invited = false;
    this.spentBytes = this.activity.foreignBytes;
  }

  /** The router's counters begin anew with the next session. */
  ended(): void {
    this.activity.sessionEnded();
    this.total = -1;
  }
}
