import { isIPv6 } from 'node:net';
import { sleep } from '../../../core/clock.js';
import { withDeadline } from '../../../core/deadline.js';
import type { StrategyError } from '../../../core/errors.js';
import type { Endpoint } from '../../../core/net.js';
import { decodeChannelData } from './channel-data.js';
import { type DecodedMessage, decodeMessage } from './message.js';
import { type Method, messageClass } from './protocol.js';
import type { TurnPlatform, TurnServer } from './server.js';
import { type Exchange, type MakeAttributes, TurnSession } from './session.js';
import { connectStream, MessageSplitter } from './stream.js';
import { turnUnreachable } from './turn-error.js';

/** How long a server may take for its answer, in milliseconds. */
const answerTimeoutMs = 6000;
/** Over UDP a request is repeated after this long, then after twice as long, and so on (RFC 8489 §6.2.1). */
const firstRetransmissionMs = 250;

/** Bytes that may wait on a connection over TCP before datagrams are dropped; what sends them takes that for a full queue. */
const maxQueuedBytes = 256 * 1024;

/** What comes in without having been asked for. */
export interface ConnectionEvents {
  onIndication(message: DecodedMessage): void;
  onChannelData(channel: number, data: Buffer): void;
}

/** A conversation with a TURN server over UDP, TCP or TLS: requests and their answers, and what comes in besides. */
export class TurnConnection {
  /** Aborts when the connection is gone, with a StrategyError. */
  readonly lost: AbortSignal;
  private readonly waiting = new Set<(message: DecodedMessage) => void>();
  private readonly over = new AbortController();
  /** Shared with further connections to the server: coturn 4.6 leaves a ConnectionBind without credentials unanswered. */
  readonly session: TurnSession;
  private transmit: (bytes: Uint8Array) => void = () => {};
  private queuedBytes: () => number = () => 0;
  private release: () => Promise<void> = async () => {};

  private constructor(
    private readonly platform: TurnPlatform,
    private readonly server: TurnServer,
    private readonly events: ConnectionEvents,
  ) {
    this.lost = this.over.signal;
    this.session = new TurnSession(server.name, server.credentials, platform.random);
  }

  /** @throws StrategyError, or the signal's reason */
  static async open(
    platform: TurnPlatform,
    server: TurnServer,
    events: ConnectionEvents,
    signal: AbortSignal,
  ): Promise<TurnConnection> {
    const connection = new TurnConnection(platform, server, events);
    if (server.transport === 'udp') await connection.openUdp();
    else await connection.openStream(signal);
    return connection;
  }

  /** Datagrams may be lost and bytes may not. */
  get reliable(): boolean {
    return this.server.transport !== 'udp';
  }

  /** @throws TurnRefusal, StrategyError TURN_UNREACHABLE, why the connection is lost, or the signal's reason */
  request(method: Method, attributes: MakeAttributes, signal?: AbortSignal): Promise<DecodedMessage> {
    return this.session.ask(method, attributes, (exchange) => this.exchange(exchange, signal));
  }

  /** Sends what gets no answer. */
  send(bytes: Uint8Array): void {
    if (!this.lost.aborted) this.transmit(bytes);
  }

  /** Sends a peer's datagram, or drops it when too much is waiting. */
  sendData(bytes: Uint8Array): void {
    if (this.queuedBytes() < maxQueuedBytes) this.send(bytes);
  }

  /** Idempotent. */
  async close(reason: StrategyError): Promise<void> {
    this.over.abort(reason);
    await this.release();
  }

  private async exchange(exchange: Exchange, given?: AbortSignal): Promise<DecodedMessage> {
    const answered = new AbortController();
    const signal = given ? AbortSignal.any([given, this.lost]) : this.lost;
    signal.throwIfAborted();
    let receive: (message: DecodedMessage) => void = () => {};
    const answer = new Promise<DecodedMessage>((resolve) => {
      receive = (message) => {
        const matching = exchange.match(message);
        if (matching) resolve(matching);
      };
    });
    this.waiting.add(receive);
    this.send(exchange.bytes);
    if (!this.reliable) void this.retransmit(exchange.bytes, AbortSignal.any([signal, answered.signal]));
    try {
      return await withDeadline(answer, {
        clock: this.platform.clock,
        timeoutMs: answerTimeoutMs,
        signal,
        expired: () => turnUnreachable(this.server.name, `no answer within ${answerTimeoutMs / 1000} s`),
      });
    } finally {
      this.waiting.delete(receive);
      answered.abort();
    }
  }

  private async retransmit(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      for (let pauseMs = firstRetransmissionMs; ; pauseMs *= 2) {
        await sleep(this.platform.clock, pauseMs, signal);
        this.send(bytes);
      }
    } catch {
      // The signal ends it.
    }
  }

  private async openUdp(): Promise<void> {
    const { endpoint } = this.server;
    const socket = await this.platform.net.bindUdp({
      local: { address: isIPv6(endpoint.address) ? '::' : '0.0.0.0', port: 0 },
      onMessage: (data, from) => {
        if (sameEndpoint(from, endpoint)) this.receive(data);
      },
    });
    this.transmit = (bytes) => socket.send(bytes, endpoint);
    this.release = () => socket.close();
  }

  private async openStream(signal: AbortSignal): Promise<void> {
    const stream = await connectStream(this.platform, this.server, signal);
    this.transmit = (bytes) => stream.write(bytes);
    this.queuedBytes = () => stream.writableLength;
    this.release = async () => void stream.destroy();
    const splitter = new MessageSplitter();
    const end = (why: string, cause?: unknown) => {
      void this.close(turnUnreachable(this.server.name, `the connection ended, ${why}`, cause));
    };
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const message of splitter.push(chunk)) this.receive(message);
      } catch (error) {
        end((error as Error).message, error);
      }
    });
    stream.on('error', (error) => end(error.message, error));
    for (const event of ['end', 'close']) stream.once(event, () => end('the stream ended'));
  }

  private receive(bytes: Buffer): void {
    if (this.lost.aborted) return;
    const channelData = decodeChannelData(bytes);
    const message = decodeMessage(bytes);
    if (channelData) this.events.onChannelData(channelData.channel, channelData.data);
    else if (message?.class === messageClass.indication) this.events.onIndication(message);
    else if (message) for (const receive of this.waiting) receive(message);
  }
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
