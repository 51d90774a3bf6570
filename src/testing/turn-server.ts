import { pipeline } from 'node:stream';
import type { ByteStream, Endpoint, Net } from '../core/net.js';
import { decodeChannelData } from '../strategies/relay/turn/channel-data.js';
import { longTermKey } from '../strategies/relay/turn/credentials.js';
import { decodeMessage } from '../strategies/relay/turn/message.js';
import { MessageSplitter } from '../strategies/relay/turn/stream.js';
import { TurnClient, type TurnServerState } from './turn-client.js';

const port = 3478;
const realm = 'simulation';
const credentials = { username: 'user', password: 'secret' };

export interface TurnServerOptions {
  /** Protocols of the relayed addresses that it gives: TCP (RFC 6062) over TCP only, UDP (RFC 8656) over both. @default both */
  readonly relays?: readonly ('tcp' | 'udp')[];
}

/**
 * A TURN server (RFC 8656, RFC 6062) over UDP and TCP, for who knows its secret. An allocation lives until it is given back or its
 * connection ends; lifetimes are not kept.
 * @param place a host, or whatever else has sockets and an address
 * @returns its URI, as the config has it; with `?transport=udp` behind it clients come by UDP
 */
export async function serveTurn(
  { net, address }: { readonly net: Net; readonly address: string },
  { relays = ['tcp', 'udp'] }: TurnServerOptions = {},
): Promise<string> {
  const key = longTermKey(credentials, realm);
  const state: TurnServerState = { net, address, relays, realm, key, waiting: new Map(), nextConnection: 1 };
  await net.listenTcp({ local: { address, port }, onStream: (stream) => serveStream(stream, state) });
  const clients = new Map<string, TurnClient>();
  const socket = await net.bindUdp({
    local: { address, port },
    onMessage: (data, remote) => {
      const name = `${remote.address} ${remote.port}`;
      const client =
        clients.get(name) ?? new TurnClient(state, { protocol: 'udp', remote, send: (bytes) => socket.send(bytes, remote) });
      clients.set(name, client);
      void receive(client, data);
    },
  });
  return `turn:${credentials.username}:${credentials.password}@${address}:${port}`;
}

function serveStream(stream: ByteStream, state: TurnServerState): void {
  const remote: Endpoint = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 };
  const client = new TurnClient(state, { protocol: 'tcp', remote, send: (bytes) => stream.write(bytes) });
  const splitter = new MessageSplitter();
  stream.on('error', () => {});
  const onEnd = () => stream.end();
  stream.once('end', onEnd);
  stream.once('close', () => client.close());
  const onData = (chunk: Buffer) => {
    try {
      for (const bytes of splitter.push(chunk)) {
        void receive(client, bytes).then((peer) => {
          if (!peer) return;
          // Joined (RFC 6062 §5.4): from here on it carries the peer's bytes.
          stream.off('data', onData).off('end', onEnd);
          pipeline(stream, peer, () => {});
          pipeline(peer, stream, () => {});
        });
      }
    } catch {
      stream.destroy();
    }
  };
  stream.on('data', onData);
}

async function receive(client: TurnClient, bytes: Buffer): Promise<ByteStream | undefined> {
  const framed = decodeChannelData(bytes);
  if (framed) client.relay(framed);
  const message = framed ? undefined : decodeMessage(bytes);
  return message && client.receive(message);
}
