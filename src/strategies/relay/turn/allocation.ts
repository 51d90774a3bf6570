import { isIPv6 } from 'node:net';
import type { Timer } from '../../../core/clock.js';
import { withDeadline } from '../../../core/deadline.js';
import { RatatoskrError, StrategyError } from '../../../core/errors.js';
import type { ByteStream, Endpoint } from '../../../core/net.js';
import { alternateServer } from './alternate-server.js';
import { encodeChannelData, firstChannel, lastChannel } from './channel-data.js';
import { TurnConnection } from './connection.js';
import { type Attribute, type DecodedMessage, decodeMessage, encodeMessage } from './message.js';
import {
  addressFamilyIPv6,
  attribute,
  type Method,
  messageClass,
  method,
  transactionIdLength,
  transportProtocol,
} from './protocol.js';
import type { TurnPlatform, TurnServer } from './server.js';
import type { MakeAttributes } from './session.js';
import { connectStream, readMessage } from './stream.js';
import { TurnRefusal, turnUnreachable } from './turn-error.js';
import { decodeUint32, decodeXorAddress, encodeUint32, encodeXorAddress } from './values.js';

/** Permissions live 5 minutes (RFC 8656 §9) and channels 10 (§12); both are renewed after this long, in milliseconds. */
const renewalMs = 4 * 60_000;
/** How long a server may take to give an allocation back, and to bind a connection, in milliseconds. */
const releaseTimeoutMs = 2000;
const bindTimeoutMs = 5000;
/** What a server that names no lifetime means (RFC 8656 §3.2), in seconds. */
const lifetimeDefaultS = 600;

export interface AllocationOptions {
  /** What the relayed address speaks; `tcp` (RFC 6062) needs a connection to the server over TCP or TLS. */
  readonly relayed: 'tcp' | 'udp';
  /** A peer has connected to the relayed address; {@link Allocation.accept} takes it. */
  onConnection?(id: number, peer: Endpoint): void;
  /** A datagram has come from a peer. */
  onData?(data: Buffer, peer: Endpoint): void;
}

/** An allocation on a TURN server (RFC 8656, RFC 6062): refreshed until it is closed or lost. */
export class Allocation {
  /** The address that peers reach it at. */
  readonly relayed: Endpoint;
  /** Where the server sees this end. */
  readonly mapped: Endpoint | undefined;
  /** Aborts when it is gone, with a StrategyError. */
  readonly lost: AbortSignal;
  private readonly timers = new Set<Timer>();
  private readonly channels = new Map<number, Endpoint>();
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly platform: TurnPlatform,
    private readonly server: TurnServer,
    private readonly connection: TurnConnection,
    answer: DecodedMessage,
    relayed: Endpoint,
  ) {
    this.relayed = relayed;
    this.mapped = decodeXorAddress(answer.value(attribute.xorMappedAddress), answer.transactionId);
    this.lost = connection.lost;
    const lifetimeS = decodeUint32(answer.value(attribute.lifetime)) ?? lifetimeDefaultS;
    this.every(Math.max(1, lifetimeS / 2) * 1000, () => this.refresh(lifetimeS));
    this.lost.addEventListener('abort', () => this.stopTimers(), { once: true });
  }

  /** @throws StrategyError; nothing is left behind then */
  static async open(
    platform: TurnPlatform,
    server: TurnServer,
    options: AllocationOptions,
    signal: AbortSignal,
  ): Promise<Allocation> {
    try {
      return await Allocation.openOnce(platform, server, options, signal);
    } catch (error) {
      const next = error instanceof TurnRefusal ? nextServer(server, error) : undefined;
      if (!next) throw error;
      return Allocation.openOnce(platform, next, options, signal);
    }
  }

  private static async openOnce(
    platform: TurnPlatform,
    server: TurnServer,
    options: AllocationOptions,
    signal: AbortSignal,
  ): Promise<Allocation> {
    let allocation: Allocation | undefined;
    const events = {
      onIndication: (message: DecodedMessage) => indicated(message, options),
      onChannelData: (channel: number, data: Buffer) => {
        const peer = allocation?.channels.get(channel);
        if (peer) options.onData?.(data, peer);
      },
    };
    const connection = await TurnConnection.open(platform, server, events, signal);
    try {
      const protocol = transportProtocol[options.relayed];
      const wanted: Attribute[] = [[attribute.requestedTransport, Buffer.from([protocol, 0, 0, 0])]];
      // A server that is met over IPv6 has no IPv4, and IPv4 is what it would take to be meant (RFC 8656 §7.2).
      if (isIPv6(server.endpoint.address))
        wanted.push([attribute.requestedAddressFamily, Buffer.from([addressFamilyIPv6, 0, 0, 0])]);
      const answer = await connection.request(method.allocate, () => wanted, signal);
      const relayed = decodeXorAddress(answer.value(attribute.xorRelayedAddress), answer.transactionId);
      if (!relayed) throw turnUnreachable(server.name, 'it named no relayed address');
      allocation = new Allocation(platform, server, connection, answer, relayed);
      return allocation;
    } catch (error) {
      await connection.close(error instanceof StrategyError ? error : closed());
      throw error;
    }
  }

  /** Lets peers at these addresses in, whatever their ports (RFC 8656 §9), until the allocation ends. */
  async permit(addresses: readonly string[], signal?: AbortSignal): Promise<void> {
    if (addresses.length === 0) return;
    const create = (until?: AbortSignal) =>
      this.connection.request(
        method.createPermission,
        (id) => addresses.map((address) => [attribute.xorPeerAddress, encodeXorAddress({ address, port: 0 }, id)]),
        until,
      );
    await create(signal);
    this.every(renewalMs, () => create());
  }

  /** Binds a channel to a peer of a UDP allocation (RFC 8656 §12). @returns sends a datagram to it */
  async bindChannel(peer: Endpoint, signal?: AbortSignal): Promise<(data: Uint8Array) => void> {
    const channel = firstChannel + this.channels.size;
    if (channel > lastChannel) throw new StrategyError('TURN_REFUSED', 'An allocation has no more channels.');
    this.channels.set(channel, peer);
    const bind = (until?: AbortSignal) =>
      this.connection.request(
        method.channelBind,
        (id) => [
          [attribute.channelNumber, encodeUint32(channel * 0x10000)],
          [attribute.xorPeerAddress, encodeXorAddress(peer, id)],
        ],
        until,
      );
    await bind(signal);
    this.every(renewalMs, () => bind());
    return (data) => this.connection.sendData(encodeChannelData(channel, data, this.connection.reliable));
  }

  /** One datagram to a permitted peer, without a channel (RFC 8656 §11.1). */
  send(data: Uint8Array, peer: Endpoint): void {
    const transactionId = this.platform.random.bytes(transactionIdLength);
    const attributes = [
      [attribute.xorPeerAddress, encodeXorAddress(peer, transactionId)],
      [attribute.data, data],
    ] as const;
    this.connection.sendData(encodeMessage({ method: method.send, class: messageClass.indication, transactionId, attributes }));
  }

  /** Connects to a peer from the relayed address (RFC 6062 §4.3). @throws TurnRefusal 446, 447 and others */
  async connect(peer: Endpoint, signal: AbortSignal): Promise<ByteStream> {
    const attributes: MakeAttributes = (id) => [[attribute.xorPeerAddress, encodeXorAddress(peer, id)]];
    const answer = await this.connection.request(method.connect, attributes, signal);
    const id = decodeUint32(answer.value(attribute.connectionId));
    if (id === undefined) throw turnUnreachable(this.server.name, 'it named no connection');
    return this.accept(id, signal);
  }

  /**
   * Joins a connection of a peer with one of ours to the server (RFC 6062 §4.4).
   * @returns the bytes of the peer, none lost, and the caller's
   */
  async accept(id: number, given: AbortSignal): Promise<ByteStream> {
    const { server, platform } = this;
    const signal = AbortSignal.any([given, this.lost]);
    const stream = await connectStream(platform, server, signal);
    try {
      const attributes: MakeAttributes = () => [[attribute.connectionId, encodeUint32(id)]];
      const bound = this.connection.session.ask(method.connectionBind, attributes, async ({ bytes, match }) => {
        stream.write(bytes);
        const message = decodeMessage(await readMessage(stream, signal));
        const answer = message && match(message);
        if (!answer) throw turnUnreachable(server.name, 'it answered something else than it was asked');
        return answer;
      });
      await withDeadline(bound, {
        clock: platform.clock,
        timeoutMs: bindTimeoutMs,
        signal,
        expired: () => turnUnreachable(server.name, `no answer within ${bindTimeoutMs / 1000} s`),
      });
      return stream;
    } catch (error) {
      stream.destroy();
      if (error instanceof RatatoskrError || signal.aborted) throw error;
      throw turnUnreachable(server.name, (error as Error).message, error);
    }
  }

  /** Gives the allocation back and everything with it. Never rejects. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.giveBack();
    return this.closing;
  }

  private async giveBack(): Promise<void> {
    this.stopTimers();
    if (!this.lost.aborted) {
      await withDeadline(this.refresh(0), {
        clock: this.platform.clock,
        timeoutMs: releaseTimeoutMs,
        expired: closed,
        // Whatever goes wrong, the allocation ends with its lifetime at the latest.
      }).catch(() => {});
    }
    await this.connection.close(closed());
  }

  private async refresh(lifetimeS: number): Promise<void> {
    await this.connection.request(method.refresh, () => [[attribute.lifetime, encodeUint32(lifetimeS)]]);
  }

  /** Repeats what keeps the allocation; when it fails, the allocation is lost. */
  private every(intervalMs: number, renew: () => Promise<unknown>): void {
    const timer = this.platform.clock.setTimer(intervalMs, () => {
      this.timers.delete(timer);
      renew().then(
        () => {
          if (!this.closing && !this.lost.aborted) this.every(intervalMs, renew);
        },
        (error: unknown) => this.connection.close(error instanceof StrategyError ? error : closed()),
      );
    });
    this.timers.add(timer);
  }

  private stopTimers(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }
}

/** Where a refusal is worth one more try. */
function nextServer(server: TurnServer, { status, alternate }: TurnRefusal): TurnServer | undefined {
  // An allocation of an earlier life may still hold these ports (RFC 8656 §7.4); another connection has others.
  if (status === 437) return server;
  return alternate && alternateServer(server, alternate);
}

function indicated(message: DecodedMessage, options: AllocationOptions): void {
  const kind = message.method as Method;
  const peer = decodeXorAddress(message.value(attribute.xorPeerAddress), message.transactionId);
  if (!peer) return;
  if (kind === method.connectionAttempt) {
    const id = decodeUint32(message.value(attribute.connectionId));
    if (id !== undefined) options.onConnection?.(id, peer);
  } else if (kind === method.data) {
    const data = message.value(attribute.data);
    if (data) options.onData?.(data, peer);
  }
}

function closed(): StrategyError {
  return new StrategyError('TURN_ALLOCATION_LOST', 'The allocation was given back.');
}
