import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatagramSocket, Endpoint } from '../../src/core/net.js';
import { bindUdp } from '../../src/native/udp.js';
import { eventually, openSockets } from './loopback.js';

interface Received {
  readonly data: Buffer;
  readonly remote: Endpoint;
}

/** A socket and what has come to it. */
interface Mailbox {
  readonly socket: DatagramSocket;
  readonly received: Received[];
}

let sockets: DatagramSocket[];
let socketsBefore: number;
beforeEach(() => {
  sockets = [];
  socketsBefore = openSockets();
});
// Every test of this suite is a test for leaks, too.
afterEach(async () => {
  await Promise.all(sockets.map((socket) => socket.close()));
  await eventually(() => openSockets() <= socketsBefore);
});

async function open(address = '127.0.0.1', port = 0): Promise<Mailbox> {
  const received: Received[] = [];
  const socket = await bindUdp({ local: { address, port }, onMessage: (data, remote) => received.push({ data, remote }) });
  sockets.push(socket);
  return { socket, received };
}

describe('a UDP socket', () => {
  it.each(['127.0.0.1', '::1'])('carries datagrams both ways over %s, and tells where they come from', async (address) => {
    const [one, other] = [await open(address), await open(address)];
    one.socket.send(Buffer.from('there'), other.socket.local);
    await eventually(() => other.received.length === 1);
    expect(other.received).toEqual([{ data: Buffer.from('there'), remote: one.socket.local }]);
    other.socket.send(Buffer.from('and back'), one.socket.local);
    await eventually(() => one.received.length === 1);
    expect(one.received).toEqual([{ data: Buffer.from('and back'), remote: other.socket.local }]);
  });

  it('keeps each datagram apart, the empty one too', async () => {
    const [one, other] = [await open(), await open()];
    for (const text of ['first', '', 'third']) one.socket.send(Buffer.from(text), other.socket.local);
    await eventually(() => other.received.length === 3);
    expect(other.received.map(({ data }) => String(data))).toEqual(['first', '', 'third']);
  });

  it('knows the port that the system picked', async () => {
    const { socket } = await open();
    expect(socket.local).toEqual({ address: '127.0.0.1', port: expect.any(Number) });
    expect(socket.local.port).toBeGreaterThan(0);
  });

  it('bound to all addresses of IPv6 leaves the port of IPv4 to others', async () => {
    const { socket } = await open('::');
    const { socket: beside } = await open('0.0.0.0', socket.local.port);
    expect(beside.local.port).toBe(socket.local.port);
  });

  it('does not share a port', async () => {
    const { socket } = await open();
    await expect(open('127.0.0.1', socket.local.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('refuses an address that is not of this machine, and a name', async () => {
    await expect(open('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    await expect(open('localhost')).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('loses what the system refuses, and goes on', async () => {
    const [one, other] = [await open(), await open()];
    one.socket.send(Buffer.alloc(100_000), other.socket.local);
    one.socket.send(Buffer.from('6'), { address: '::1', port: other.socket.local.port });
    one.socket.send(Buffer.from('still here'), other.socket.local);
    await eventually(() => other.received.length === 1);
    expect(String(other.received[0]?.data)).toBe('still here');
  });

  it('goes on after datagrams to a port where nobody listens', async () => {
    const [one, other, gone] = [await open(), await open(), await open()];
    await gone.socket.close();
    // The answer to the first is an ICMP error, which the system would tell with the second.
    for (let count = 0; count < 5; count++) one.socket.send(Buffer.from('anyone?'), gone.socket.local);
    one.socket.send(Buffer.from('you'), other.socket.local);
    await eventually(() => other.received.length === 1);
  });

  it('sends with the time to live that it was given, and takes none beyond its bounds', async () => {
    const [one, other] = [await open(), await open()];
    one.socket.setTtl(1);
    one.socket.send(Buffer.from('near'), other.socket.local);
    await eventually(() => other.received.length === 1);
    expect(() => one.socket.setTtl(256)).toThrow();
  });

  it('is silent and sends nothing once it is closed, however often', async () => {
    const [one, other, third] = [await open(), await open(), await open()];
    await Promise.all([one.socket.close(), one.socket.close()]);
    one.socket.send(Buffer.from('too late'), other.socket.local);
    other.socket.send(Buffer.from('nobody there'), one.socket.local);
    other.socket.send(Buffer.from('mark'), third.socket.local);
    await eventually(() => third.received.length === 1);
    expect([one.received, other.received]).toEqual([[], []]);
  });

  it('has given its port back when its close resolves', async () => {
    const { socket } = await open();
    await socket.close();
    const { socket: next } = await open('127.0.0.1', socket.local.port);
    expect(next.local.port).toBe(socket.local.port);
  });
});
