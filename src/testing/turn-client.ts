import type { ByteStream, Endpoint, Net } from '../core/net.js';
import { encodeChannelData } from '../strategies/relay/turn/channel-data.js';
import { type Attribute, type DecodedMessage, encodeMessage } from '../strategies/relay/turn/message.js';
import { attribute, type Method, messageClass, method, transactionIdLength } from '../strategies/relay/turn/protocol.js';
import { decodeUint32, decodeXorAddress, encodeUint32, encodeXorAddress } from '../strategies/relay/turn/values.js';
import { TurnAllocation } from './turn-allocation.js';

/** Seconds: what clients are told, and refresh within. */
const lifetimeS = 600;
const protocols: Readonly<Record<number, 'tcp' | 'udp'>> = { 6: 'tcp', 17: 'udp' };
/** RFC 8656 §19.2, RFC 8489 §14.8. */
const status = { badRequest: 400, unauthenticated: 401, allocationMismatch: 437, unsupportedTransport: 442 } as const;

class Refused {
  constructor(readonly status: number) {}
}

/** What all clients of one server share. */
export interface TurnServerState {
  readonly net: Net;
  readonly address: string;
  readonly relays: readonly ('tcp' | 'udp')[];
  readonly realm: string;
  readonly key: Buffer;
  /** Connections of peers that no client has taken yet, by their id. */
  readonly waiting: Map<number, ByteStream>;
  nextConnection: number;
}

/** One client of a server: what comes from one endpoint, and the allocation that was made there. */
export class TurnClient {
  private allocation: Promise<TurnAllocation> | undefined;
  private current: TurnAllocation | undefined;

  constructor(
    private readonly server: TurnServerState,
    private readonly from: {
      readonly protocol: 'tcp' | 'udp';
      readonly remote: Endpoint;
      send(bytes: Uint8Array): void;
    },
  ) {}

  /** @returns the connection of a peer that this one is joined with from now on. Never rejects */
  async receive(message: DecodedMessage): Promise<ByteStream | undefined> {
    const { server, from } = this;
    if (message.method === method.send) this.sendIndicated(message);
    if (message.class !== messageClass.request) return undefined;
    const which = message.method as Method;
    const { transactionId } = message;
    const answer = (kind: 2 | 3, attributes: readonly Attribute[], key?: Buffer) =>
      from.send(encodeMessage({ method: which, class: kind, transactionId, attributes }, key));
    if (which === method.binding) {
      answer(messageClass.success, [[attribute.xorMappedAddress, encodeXorAddress(from.remote, transactionId)]]);
      return undefined;
    }
    try {
      if (message.value(attribute.username) === undefined || !message.authenticated(server.key))
        throw new Refused(status.unauthenticated);
      if (which === method.connectionBind) {
        const peer = this.take(message);
        answer(messageClass.success, [], server.key);
        return peer;
      }
      answer(messageClass.success, await this.serve(which, message), server.key);
    } catch (error) {
      const code = error instanceof Refused ? error.status : status.badRequest;
      answer(messageClass.error, [
        [attribute.errorCode, Buffer.from([0, 0, Math.floor(code / 100), code % 100])],
        [attribute.realm, Buffer.from(server.realm)],
        [attribute.nonce, Buffer.from('once')],
      ]);
    }
    return undefined;
  }

  /** Hands the data of a channel on to its peer. */
  relay({ channel, data }: { readonly channel: number; readonly data: Buffer }): void {
    const peer = this.current?.peerOf(channel);
    if (peer) this.current?.send(data, peer);
  }

  /** Gives the allocation back. Never rejects. */
  close(): void {
    void this.current?.close();
    this.allocation = undefined;
    this.current = undefined;
  }

  /** What the answer to an authenticated request holds. @throws Refused */
  private async serve(which: Method, message: DecodedMessage): Promise<readonly Attribute[]> {
    const { transactionId } = message;
    if (which === method.allocate) {
      this.current = await this.allocate(message);
      return [
        [attribute.xorRelayedAddress, encodeXorAddress(this.current.relayed, transactionId)],
        [attribute.xorMappedAddress, encodeXorAddress(this.from.remote, transactionId)],
        [attribute.lifetime, encodeUint32(lifetimeS)],
      ];
    }
    const { current } = this;
    if (!current) throw new Refused(status.allocationMismatch);
    if (which === method.refresh) {
      const wanted = decodeUint32(message.value(attribute.lifetime)) ?? lifetimeS;
      if (wanted === 0) this.close();
      return [[attribute.lifetime, encodeUint32(Math.min(wanted, lifetimeS))]];
    }
    if (which === method.createPermission) {
      for (const [type, value] of message.attributes) {
        const peer = type === attribute.xorPeerAddress && decodeXorAddress(Buffer.from(value), transactionId);
        if (peer) current.permit(peer);
      }
      return [];
    }
    const peer = decodeXorAddress(message.value(attribute.xorPeerAddress), transactionId);
    if (which !== method.channelBind || !peer) throw new Refused(status.badRequest);
    current.bindChannel((decodeUint32(message.value(attribute.channelNumber)) ?? 0) >>> 16, peer);
    return [];
  }

  private allocate(message: DecodedMessage): Promise<TurnAllocation> {
    const protocol = protocols[message.value(attribute.requestedTransport)?.[0] ?? 0];
    const { server, from } = this;
    if (!protocol || !server.relays.includes(protocol) || (protocol === 'tcp' && from.protocol !== 'tcp'))
      throw new Refused(status.unsupportedTransport);
    // A request may come again before its answer has.
    this.allocation ??= TurnAllocation.open(server, protocol, {
      onStream: (stream, peer) => this.announce(stream, peer),
      onDatagram: (data, peer) => this.deliver(data, peer),
    });
    return this.allocation;
  }

  private take(message: DecodedMessage): ByteStream {
    const { waiting } = this.server;
    const id = decodeUint32(message.value(attribute.connectionId)) ?? 0;
    const peer = waiting.get(id);
    if (!peer) throw new Refused(status.badRequest);
    waiting.delete(id);
    return peer;
  }

  private announce(stream: ByteStream, peer: Endpoint): void {
    const { server } = this;
    const id = server.nextConnection++;
    server.waiting.set(id, stream);
    stream.on('error', () => {});
    stream.once('close', () => server.waiting.delete(id));
    this.indicate(method.connectionAttempt, peer, [attribute.connectionId, encodeUint32(id)]);
  }

  private deliver(data: Buffer, peer: Endpoint): void {
    const channel = this.current?.channelOf(peer);
    if (channel === undefined) this.indicate(method.data, peer, [attribute.data, data]);
    else this.from.send(encodeChannelData(channel, data, this.from.protocol === 'tcp'));
  }

  private sendIndicated(message: DecodedMessage): void {
    const peer = decodeXorAddress(message.value(attribute.xorPeerAddress), message.transactionId);
    const data = message.value(attribute.data);
    if (peer && data) this.current?.send(data, peer);
  }

  private indicate(which: Method, peer: Endpoint, more: Attribute): void {
    // Nobody answers an indication, so nobody looks for its id.
    const transactionId = new Uint8Array(transactionIdLength);
    const attributes: Attribute[] = [[attribute.xorPeerAddress, encodeXorAddress(peer, transactionId)], more];
    this.from.send(encodeMessage({ method: which, class: messageClass.indication, transactionId, attributes }));
  }
}
