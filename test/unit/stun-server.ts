import net from 'node:net';
import codec from '#stun-codec';
import type { Endpoint } from '../../src/core/net.js';
import { messageLength } from '../../src/discovery/stun/codec.js';

/** What a test's server does with one connection. */
export type Behaviour = (socket: net.Socket) => void;

export interface StunServer {
  /** `host:port`, as the config names it. */
  readonly name: string;
  readonly connections: readonly net.Socket[];
  close(): Promise<void>;
}

/** A TCP server on loopback that behaves as told. */
export async function stunServer(behaviour: Behaviour): Promise<StunServer> {
  const connections: net.Socket[] = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    connections.push(socket);
    behaviour(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    name: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of connections) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** The answer of a server that saw `mapped`. */
export function bindingResponse(request: Buffer, mapped: Endpoint): Buffer {
  const response = codec.createMessage(codec.messageType.BINDING_RESPONSE, codec.decode(request).transactionId);
  response.addAttribute(codec.attributeType.XOR_MAPPED_ADDRESS, mapped.address, mapped.port);
  return codec.encode(response);
}

/** Answers with where the connection comes from. */
export const honest: Behaviour = (socket) => {
  socket.on('data', (chunk) => {
    for (const request of requestsIn(chunk)) {
      socket.write(bindingResponse(request, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }));
    }
  });
};

/** Answers with an address of its own making. */
export function lying(mapped: Endpoint): Behaviour {
  return (socket) =>
    socket.on('data', (chunk) => {
      for (const request of requestsIn(chunk)) socket.write(bindingResponse(request, mapped));
    });
}

/** Several may come at once, but on loopback none comes in parts. */
function requestsIn(chunk: Buffer): readonly Buffer[] {
  const length = messageLength(chunk);
  return length === undefined ? [] : [chunk.subarray(0, length), ...requestsIn(chunk.subarray(length))];
}

/** Takes the connection and never answers. */
export const silent: Behaviour = (socket) => {
  socket.resume();
};

/** Talks, but not STUN. */
export const junk: Behaviour = (socket) => {
  socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
};
