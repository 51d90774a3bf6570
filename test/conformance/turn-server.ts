import { pipeline } from 'node:stream';
import type { ByteStream, Endpoint, Listener } from '../../src/core/net.js';
import { longTermKey } from '../../src/strategies/relay/turn/credentials.js';
import { type Attribute, type DecodedMessage, decodeMessage, encodeMessage } from '../../src/strategies/relay/turn/message.js';
import { attribute, type Method, messageClass, method } from '../../src/strategies/relay/turn/protocol.js';
import { readMessage } from '../../src/strategies/relay/turn/stream.js';
import { decodeUint32, decodeXorAddress, encodeUint32, encodeXorAddress } from '../../src/strategies/relay/turn/values.js';
import type { ServerPlace } from '../../src/testing.js';

const port = 3478;
const realm = 'conformance';
const credentials = { username: 'user', password: 'secret' };
const key = longTermKey(credentials, realm);

/** A TURN server that relays TCP (RFC 6062), for whoever knows its secret. @returns its URI, as the configuration has it */
export async function serveTurn({ net, address }: ServerPlace): Promise<string> {
  const waiting = new Map<number, ByteStream>();
  await net.listenTcp({
    local: { address, port },
    onStream: (stream) => {
      const client = new Client(stream, { net, address, waiting });
      void client.serve();
    },
  });
  return `turn:${credentials.username}:${credentials.password}@${address}:${port}`;
}

interface Shared extends Pick<ServerPlace, 'net' | 'address'> {
  /** Connections of peers that no client has taken yet, by their id. */
  readonly waiting: Map<number, ByteStream>;
}

let connections = 0;

/** One connection to the server, and the allocation that was made on it. */
class Client {
  private readonly permitted = new Set<string>();
  private listener: Listener | undefined;

  constructor(
    private readonly stream: ByteStream,
    private readonly shared: Shared,
  ) {
    stream.on('error', () => {});
    stream.once('close', () => void this.listener?.close());
  }

  /** Never rejects. */
  async serve(): Promise<void> {
    const { signal } = new AbortController();
    try {
      for (;;) {
        const message = decodeMessage(await readMessage(this.stream, signal));
        if (message?.class !== messageClass.request) continue;
        const bound = await this.answer(message);
        if (!bound) continue;
        pipeline(this.stream, bound, () => {});
        pipeline(bound, this.stream, () => {});
        return;
      }
    } catch {
      this.stream.destroy();
    }
  }

  /** @returns the connection that the client has taken */
  private async answer(message: DecodedMessage): Promise<ByteStream | undefined> {
    const { transactionId } = message;
    const which = message.method as Method;
    const reply = (kind: 2 | 3, attributes: readonly Attribute[], signed = true) =>
      this.stream.write(encodeMessage({ method: which, class: kind, transactionId, attributes }, signed ? key : undefined));
    const { remoteAddress = '', remotePort = 0 } = this.stream;
    const mapped = encodeXorAddress({ address: remoteAddress, port: remotePort }, transactionId);
    if (which === method.binding) {
      reply(messageClass.success, [[attribute.xorMappedAddress, mapped]], false);
      return undefined;
    }
    if (message.value(attribute.username) === undefined || !message.authenticated(key)) {
      const told: Attribute[] = [
        [attribute.errorCode, Buffer.from([0, 0, 4, 1, ...Buffer.from('No')])],
        [attribute.realm, Buffer.from(realm)],
        [attribute.nonce, Buffer.from('once')],
      ];
      reply(messageClass.error, told, false);
      return undefined;
    }
    if (which === method.connectionBind) {
      const id = decodeUint32(message.value(attribute.connectionId)) ?? -1;
      const peer = this.shared.waiting.get(id);
      this.shared.waiting.delete(id);
      if (peer) reply(messageClass.success, []);
      else this.stream.destroy();
      return peer;
    }
    const own: Attribute[] = [];
    if (which === method.allocate) {
      const relayed = await this.allocate();
      own.push([attribute.xorRelayedAddress, encodeXorAddress(relayed, transactionId)]);
      own.push([attribute.xorMappedAddress, mapped]);
    }
    if (which === method.createPermission) {
      const peer = decodeXorAddress(message.value(attribute.xorPeerAddress), transactionId);
      if (peer) this.permitted.add(peer.address);
    }
    const lifetime = message.value(attribute.lifetime);
    if (which === method.refresh && decodeUint32(lifetime) === 0) await this.listener?.close();
    own.push([attribute.lifetime, lifetime ?? encodeUint32(600)]);
    reply(messageClass.success, own);
    return undefined;
  }

  private async allocate(): Promise<Endpoint> {
    const { net, address } = this.shared;
    this.listener = await net.listenTcp({ local: { address, port: 0 }, onStream: (peer) => this.announce(peer) });
    return this.listener.local ?? { address, port: 0 };
  }

  private announce(peer: ByteStream): void {
    const { remoteAddress: address = '', remotePort = 0 } = peer;
    peer.on('error', () => {});
    if (!this.permitted.has(address)) {
      peer.destroy();
      return;
    }
    const id = ++connections;
    this.shared.waiting.set(id, peer);
    const transactionId = Buffer.alloc(12, id);
    this.stream.write(
      encodeMessage({
        method: method.connectionAttempt,
        class: messageClass.indication,
        transactionId,
        attributes: [
          [attribute.connectionId, encodeUint32(id)],
          [attribute.xorPeerAddress, encodeXorAddress({ address, port: remotePort }, transactionId)],
        ],
      }),
    );
  }
}
