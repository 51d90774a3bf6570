import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { BindUdpOptions, DatagramSocket, Endpoint, JoinMulticastOptions } from '../core/net.js';
import { systemError } from './system-error.js';

/** A UDP socket of Node's own. */
export async function bindUdp({ local, onMessage }: BindUdpOptions): Promise<DatagramSocket> {
  const family = net.isIP(local.address);
  if (family === 0) throw systemError('EINVAL', 'bind', local.address);
  const socket = dgram.createSocket({ type: family === 6 ? 'udp6' : 'udp4', ipv6Only: family === 6 });
  return open(socket, local, onMessage, () => {});
}

/** The same, beside other programs that have joined the group: RFC 6762 §15.1. */
export async function joinMulticast({ group, from, onMessage }: JoinMulticastOptions): Promise<DatagramSocket> {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  return open(socket, { address: '0.0.0.0', port: group.port }, onMessage, () => {
    socket.addMembership(group.address, from);
    socket.setMulticastInterface(from);
    // RFC 6762 §11.
    socket.setMulticastTTL(255);
    socket.setMulticastLoopback(true);
  });
}

/** @param prepare what else is to be done before it is of use */
async function open(
  socket: dgram.Socket,
  local: Endpoint,
  onMessage: BindUdpOptions['onMessage'],
  prepare: () => void,
): Promise<DatagramSocket> {
  const bound = once(socket, 'listening');
  socket.bind({ address: local.address, port: local.port, exclusive: true });
  try {
    await bound;
    prepare();
  } catch (error) {
    socket.close();
    throw error;
  }
  // ICMP errors of earlier datagrams surface here; a lost datagram is no reason to end.
  socket.on('error', () => {});
  socket.on('message', (data, { address, port }) => onMessage(data, { address, port }));
  const { address, port } = socket.address();
  let closed: Promise<void> | undefined;
  return {
    local: { address, port },
    send: (data, remote) => {
      if (!closed) socket.send(data, remote.port, remote.address, () => {});
    },
    setTtl: (ttl) => socket.setTTL(ttl),
    close: () => {
      closed ??= new Promise((resolve) => {
        socket.close(() => resolve());
      });
      return closed;
    },
  };
}
