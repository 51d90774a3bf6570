import { Line, type LineOptions } from './line.js';
import type { NetworkNode } from './link.js';
import type { Medium } from './medium.js';
import { type Packet, sizeOf } from './packet.js';

/** A host on the overlay. */
export interface OverlayNode extends NetworkNode {
  fromOverlay(packet: Packet): void;
}

/** Told of each packet between two nodes. @param bytes with headers */
export type OverlayMeter = (from: string, to: string, bytes: number) => void;

/** The mesh of routers, seen as one line between any two nodes' 200::/7 addresses. */
export class Overlay {
  private readonly nodes = new Map<string, OverlayNode>();
  private readonly lines = new Map<string, Line>();
  /** By the address of the node that counts. */
  private readonly meters = new Map<string, OverlayMeter>();

  constructor(
    private readonly medium: Medium,
    private readonly options: LineOptions,
  ) {}

  attach(address: string, node: OverlayNode): void {
    this.nodes.set(address, node);
  }

  /** What is sent there is lost from now on, and nobody is told. */
  detach(address: string): void {
    this.nodes.delete(address);
  }

  /** Counts what a node sends and is sent. */
  meter(address: string, meter: OverlayMeter): void {
    this.meters.set(address, meter);
  }

  send(packet: Packet): void {
    const [from, to] = [this.nodes.get(packet.source.address), this.nodes.get(packet.destination.address)];
    if (!from || !to) return;
    for (const { address } of [packet.source, packet.destination]) {
      this.meters.get(address)?.(packet.source.address, packet.destination.address, sizeOf(packet));
    }
    this.medium.observe({ event: 'sent', from, to, packet });
    this.line(from, to, packet).send(packet);
  }

  private line(from: OverlayNode, to: OverlayNode, { source, destination }: Packet): Line {
    const key = `${source.address} ${destination.address}`;
    let line = this.lines.get(key);
    if (!line) {
      const random = this.medium.random.fork(`overlay ${key}`);
      line = new Line(
        this.options,
        this.medium.clock,
        random,
        (packet) => {
          this.medium.observe({ event: 'arrived', from, to, packet });
          to.fromOverlay(packet);
        },
        (packet, cause) => this.medium.observe({ event: 'lost', from, to, packet, cause }),
      );
      this.lines.set(key, line);
    }
    return line;
  }
}
