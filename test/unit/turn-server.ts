import dgram from 'node:dgram';
import net from 'node:net';
import type { Endpoint } from '../../src/core/net.js';
import { encodeChannelData } from '../../src/strategies/relay/turn/channel-data.js';
import { longTermKey } from '../../src/strategies/relay/turn/credentials.js';
import { type Attribute, type DecodedMessage, decodeMessage, encodeMessage } from '../../src/strategies/relay/turn/message.js';
import { attribute, type Method, messageClass, method } from '../../src/strategies/relay/turn/protocol.js';
import { decodeXorAddress, encodeUint32, encodeXorAddress } from '../../src/strategies/relay/turn/values.js';

export const credentials = { username: 'user', password: 'secret' };
const realm = 'test';

/** One request as the server got it. */
export interface SeenRequest {
  readonly method: Method;
  readonly message: DecodedMessage;
  /** Which connection it came on; 0 is the first. */
  readonly connection: number;
}

type Reply = (bytes: Uint8Array) => void;

/** A TURN server on loopback that answers by a script: as a good one does, but for the errors it is told to give. */
export class ScriptedTurnServer {
  readonly requests: SeenRequest[] = [];
  readonly sockets: net.Socket[] = [];
  readonly relayed: Endpoint = { address: '192.0.2.9', port: 50_000 };
  lifetimeS = 600;
  nonce = 'first';
  /** Its answers are signed with another key. */
  forges = false;
  /** Takes requests of this method and says nothing. */
  mute: Method | undefined;
  /** Where it sends clients with a 300. */
  alternate: Endpoint | undefined;
  /** Datagrams for peers, outside of channels. */
  readonly sent: { readonly data: string; readonly peer: Endpoint | undefined }[] = [];
  private readonly refusals = new Map<Method, number[]>();
  private readonly arrivals = new Set<() => void>();
  private readonly tcp = net.createServer((socket) => this.serve(socket));
  private readonly udp = dgram.createSocket('udp4');
  private indicate: Reply = () => {};

  static async start(): Promise<ScriptedTurnServer> {
    const server = new ScriptedTurnServer();
    await new Promise<void>((resolve) => server.tcp.listen(0, '127.0.0.1', resolve));
    server.udp.on('message', (bytes, from) => {
      const reply: Reply = (answer) => server.udp.send(answer, from.port, from.address);
      server.indicate = reply;
      server.handle(Buffer.from(bytes), 0, reply);
    });
    await new Promise<void>((resolve) => server.udp.bind(server.endpoint.port, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): Endpoint {
    return { address: '127.0.0.1', port: (this.tcp.address() as net.AddressInfo).port };
  }

  /** Answers the next authenticated requests of a method with these errors, one each. */
  refuse(which: Method, ...statuses: number[]): void {
    this.refusals.set(which, statuses);
  }

  /** How often a method was asked for, with credentials. */
  count(which: Method): number {
    return this.requests.filter(({ method: asked }) => asked === which).length;
  }

  /** Resolves when a method has been asked for that often. */
  async asked(which: Method, times = 1): Promise<void> {
    while (this.count(which) < times) await new Promise<void>((resolve) => this.arrivals.add(resolve));
  }

  /** Resolves with the first datagram for a peer outside of channels. */
  async firstSent(): Promise<ScriptedTurnServer['sent'][number]> {
    for (;;) {
      const [first] = this.sent;
      if (first) return first;
      await new Promise<void>((resolve) => this.arrivals.add(resolve));
    }
  }

  announceConnection(id: number, peer: Endpoint): void {
    this.indication(method.connectionAttempt, (transactionId) => [
      [attribute.connectionId, encodeUint32(id)],
      [attribute.xorPeerAddress, encodeXorAddress(peer, transactionId)],
    ]);
  }

  announceData(data: Uint8Array, peer: Endpoint): void {
    this.indication(method.data, (transactionId) => [
      [attribute.xorPeerAddress, encodeXorAddress(peer, transactionId)],
      [attribute.data, data],
    ]);
  }

  sendChannelData(channel: number, data: Uint8Array): void {
    this.indicate(encodeChannelData(channel, data, false));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.tcp.close(() => resolve())),
      new Promise<void>((resolve) => this.udp.close(() => resolve())),
    ]);
  }

  private serve(socket: net.Socket): void {
    const connection = this.sockets.push(socket) - 1;
    let received: Buffer = Buffer.alloc(0);
    let bound = false;
    const reply: Reply = (bytes) => socket.write(bytes);
    if (connection === 0) this.indicate = reply;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      // A bound connection echoes, as its peer.
      if (bound) return void socket.write(chunk);
      received = Buffer.concat([received, chunk]);
      while (received.length >= 20 && received.length >= 20 + received.readUInt16BE(2)) {
        const length = 20 + received.readUInt16BE(2);
        bound ||= this.handle(received.subarray(0, length), connection, reply);
        received = received.subarray(length);
      }
      return undefined;
    });
  }

  /** @returns whether it bound a connection */
  private handle(bytes: Buffer, connection: number, reply: Reply): boolean {
    const message = decodeMessage(bytes);
    if (message?.method === method.send) {
      const peer = decodeXorAddress(message.value(attribute.xorPeerAddress), message.transactionId);
      this.sent.push({ data: String(message.value(attribute.data)), peer });
      this.arrive();
    }
    if (!message || message.class !== messageClass.request) return false;
    const which = message.method as Method;
    const answer = (kind: 0 | 1 | 2 | 3, attributes: readonly Attribute[], key?: Buffer) =>
      reply(encodeMessage({ method: which, class: kind, transactionId: message.transactionId, attributes }, key));
    const fail = (status: number) =>
      answer(messageClass.error, [
        [attribute.errorCode, Buffer.from([0, 0, Math.floor(status / 100), status % 100, ...Buffer.from('No')])],
        [attribute.realm, Buffer.from(realm)],
        [attribute.nonce, Buffer.from(this.nonce)],
        ...(this.alternate ? [[attribute.alternateServer, encodeAddress(this.alternate)] as const] : []),
      ]);
    const key = longTermKey(credentials, realm);
    if (message.value(attribute.username) === undefined || !message.authenticated(key)) {
      fail(401);
      return false;
    }
    this.requests.push({ method: which, message, connection });
    this.arrive();
    if (this.mute === which) return false;
    const status = message.value(attribute.nonce)?.toString() === this.nonce ? this.refusals.get(which)?.shift() : 438;
    if (status !== undefined) {
      fail(status);
      return false;
    }
    const id = message.transactionId;
    const own: Attribute[] = [];
    if (which === method.allocate) {
      own.push([attribute.xorRelayedAddress, encodeXorAddress(this.relayed, id)]);
      own.push([attribute.xorMappedAddress, encodeXorAddress({ address: '192.0.2.1', port: 7 }, id)]);
      own.push([attribute.lifetime, encodeUint32(this.lifetimeS)]);
    }
    if (which === method.connect) own.push([attribute.connectionId, encodeUint32(77)]);
    answer(messageClass.success, own, this.forges ? Buffer.from('another') : key);
    return which === method.connectionBind;
  }

  private arrive(): void {
    for (const arrived of this.arrivals) arrived();
    this.arrivals.clear();
  }

  private indication(which: Method, attributes: (transactionId: Uint8Array) => readonly Attribute[]): void {
    const transactionId = new Uint8Array(12);
    const message = { method: which, class: messageClass.indication, transactionId, attributes: attributes(transactionId) };
    this.indicate(encodeMessage(message));
  }
}

/** As ALTERNATE-SERVER holds it: nothing is XORed. */
function encodeAddress({ address, port }: Endpoint): Buffer {
  const bytes = address.split('.').map(Number);
  return Buffer.from([0, 1, port >> 8, port & 0xff, ...bytes]);
}
