import { beforeEach, describe, expect, it } from 'vitest';
import type { BindUdpOptions, Endpoint, Net } from '../../src/core/net.js';
import { isQuic, QuicForwarder } from '../../src/strategies/udp-hole-punching/quic-forwarder.js';
import { FakeClock, settle } from './fake-clock.js';

const long = Buffer.from([0xc3, 0, 0, 0, 1]);
const short = Buffer.from([0x41, 9]);
const listener = { address: '127.0.0.1', port: 9002 };
const router = { address: '127.0.0.1', port: 50_000 };
const stranger = { address: '127.0.0.1', port: 50_001 };

let clock: FakeClock;
let bound: BindUdpOptions | undefined;
let closed: boolean;
let toRouter: { data: Uint8Array; remote: Endpoint }[];
let toPeer: Buffer[];
beforeEach(() => {
  clock = new FakeClock();
  closed = false;
  toRouter = [];
  toPeer = [];
});

const net = {
  bindUdp: async (options: BindUdpOptions) => {
    bound = options;
    return {
      local: { address: options.local.address, port: 40_001 },
      send: (data: Uint8Array, remote: Endpoint) => void toRouter.push({ data, remote }),
      setTtl: () => {},
      close: async () => {
        closed = true;
      },
    };
  },
} as unknown as Net;

const open = (at?: Endpoint) => QuicForwarder.open({ net, clock, listener: at, send: (data) => void toPeer.push(data) });

describe('a forwarder between a punched socket and the router', () => {
  it('where the router dials, is open to the first who sends and to nobody else', async () => {
    const forwarder = await open();
    expect([forwarder.uri, forwarder.dials]).toEqual(['quic://127.0.0.1:40001', true]);
    forwarder.takeFromPeer(long);
    expect(toRouter).toEqual([]);
    bound?.onMessage(long, router);
    bound?.onMessage(short, stranger);
    expect(toPeer).toEqual([long]);
    forwarder.takeFromPeer(short);
    expect(toRouter).toEqual([{ data: short, remote: router }]);
    expect([forwarder.bytesOut, forwarder.bytesIn]).toEqual([long.length, short.length]);
  });

  it('where the router listens, knows it from the start', async () => {
    const forwarder = await open(listener);
    expect(forwarder.dials).toBe(false);
    forwarder.takeFromPeer(long);
    expect(toRouter).toEqual([{ data: long, remote: listener }]);
    bound?.onMessage(long, stranger);
    expect(toPeer).toEqual([]);
    bound?.onMessage(short, listener);
    expect(toPeer).toEqual([short]);
  });

  it('passes nothing from the router that is no QUIC', async () => {
    await open();
    for (const data of [Buffer.alloc(0), Buffer.from([0x00, 0x01]), Buffer.alloc(4000, 0xc0)]) bound?.onMessage(data, router);
    expect(toPeer).toEqual([]);
  });

  it('goes on for a moment after the path’s end, for the farewell, and then gives its port back', async () => {
    const forwarder = await open(listener);
    const ended = forwarder.end();
    forwarder.takeFromPeer(short);
    await settle();
    expect([toRouter.length, closed]).toEqual([1, false]);
    await clock.advance(1000);
    await ended;
    expect([closed, clock.pending]).toEqual([true, 0]);
  });
});

describe('a datagram', () => {
  it('counts as QUIC by its first bits, which STUN and DTLS do not have', () => {
    expect([long, short].every(isQuic)).toBe(true);
    expect([Buffer.from([0, 1]), Buffer.from([20, 254]), Buffer.alloc(0)].some(isQuic)).toBe(false);
  });
});
