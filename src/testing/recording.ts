import { encodeIp } from './ip-encoding.js';
import type { NetworkNode } from './link.js';
import type { Medium } from './medium.js';
import type { Packet } from './packet.js';
import { encodePcapng } from './pcapng.js';
import { drawSequence, type RecordedEvent } from './sequence-chart.js';

/** What happened to packets, from the moment it was begun until it is stopped. */
export class Recording {
  readonly events: RecordedEvent[] = [];
  /** Ends it; what it holds stays. */
  readonly stop: () => void;

  constructor(medium: Medium) {
    this.stop = medium.onPacket((event, at) => this.events.push({ ...event, at }));
  }

  /**
   * A sequence chart of what passed between these nodes, from left to right.
   * @param shows which packets; all by default
   */
  chart(nodes: readonly NetworkNode[], shows: (packet: Packet) => boolean = () => true): string {
    return drawSequence(
      this.events.filter(({ packet }) => shows(packet)),
      nodes,
    );
  }

  /** What taps at a node's interfaces show, each named after who is at its other end, as Wireshark opens it (pcapng). The overlay's packets are among them. */
  pcapng(node: NetworkNode): Buffer {
    return encodePcapng(
      this.events.flatMap(({ event, from, to, at, packet }) => {
        const neighbour = event === 'sent' && from === node ? to : event === 'arrived' && to === node ? from : undefined;
        return neighbour ? [{ at, bytes: encodeIp(packet), interface: neighbour.name }] : [];
      }),
    );
  }
}
