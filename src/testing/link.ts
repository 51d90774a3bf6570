import { Line, type LineOptions } from './line.js';
import type { Medium } from './medium.js';
import { type Packet, sizeOf } from './packet.js';
import type { LossCause, Statistics } from './statistics.js';

/** Anything that packets reach: a host, a router. */
export interface NetworkNode {
  readonly name: string;
  /** @param port where it came in */
  receive(packet: Packet, port: Port): void;
}

/** One node's end of a link. */
export class Port {
  /** What this end has sent. */
  readonly sent: Statistics;
  private readonly line: Line;
  private other: Port | undefined;

  private constructor(
    readonly node: NetworkNode,
    private readonly medium: Medium,
    options: LineOptions,
  ) {
    this.sent = medium.newStatistics();
    this.line = new Line(
      options,
      medium.clock,
      medium.random.fork(`line ${medium.nextNumber('line')}`),
      (packet) => this.arrived(packet),
      (packet, cause) => this.lost(packet, cause),
    );
  }

  /** Links two nodes, alike both ways. */
  static link(one: NetworkNode, two: NetworkNode, medium: Medium, options: LineOptions): readonly [Port, Port] {
    const ports = [new Port(one, medium, options), new Port(two, medium, options)] as const;
    ports[0].other = ports[1];
    ports[1].other = ports[0];
    return ports;
  }

  /** The other end. */
  get opposite(): Port {
    if (!this.other) throw new Error('A port without a link.');
    return this.other;
  }

  /** What the line does, this way, from now on. */
  set options(options: LineOptions) {
    this.line.options = options;
  }

  get options(): LineOptions {
    return this.line.options;
  }

  send(packet: Packet): void {
    this.medium.observe({ event: 'sent', from: this.node, to: this.opposite.node, packet });
    this.line.send(packet);
  }

  private arrived(packet: Packet): void {
    this.sent.forwarded(sizeOf(packet));
    this.medium.observe({ event: 'arrived', from: this.node, to: this.opposite.node, packet });
    this.opposite.node.receive(packet, this.opposite);
  }

  private lost(packet: Packet, cause: LossCause): void {
    this.sent.lose(cause);
    this.medium.observe({ event: 'lost', from: this.node, to: this.opposite.node, packet, cause });
  }
}
