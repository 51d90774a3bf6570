import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BindUdpOptions, DatagramSocket, Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { Allocation, type AllocationOptions } from '../../src/strategies/relay/turn/allocation.js';
import { attribute, method } from '../../src/strategies/relay/turn/protocol.js';
import { decodeUint32, decodeXorAddress } from '../../src/strategies/relay/turn/values.js';
import { FakeClock } from './fake-clock.js';
import { credentials, ScriptedTurnServer } from './turn-server.js';

let server: ScriptedTurnServer;
let clock: FakeClock;
let allocations: Allocation[];
const never = new AbortController().signal;
const peer: Endpoint = { address: '198.51.100.4', port: 4000 };

beforeEach(async () => {
  server = await ScriptedTurnServer.start();
  clock = new FakeClock();
  allocations = [];
});
afterEach(async () => {
  await Promise.all(allocations.map((allocation) => allocation.close()));
  await server.close();
  // Whatever was begun has been ended.
  expect(clock.pending).toBe(0);
});

async function allocate(
  options: Partial<AllocationOptions> & { transport?: 'udp' | 'tcp'; password?: string; signal?: AbortSignal } = {},
): Promise<Allocation> {
  const { transport = 'tcp', password = credentials.password, signal = never, ...rest } = options;
  const platform = { net: { ...createSystemNet(), bindUdp }, clock, random: systemRandom };
  const { endpoint } = server;
  const target = { name: 'turn.test:3478', host: 'turn.test', endpoint, transport, credentials: { ...credentials, password } };
  const allocation = await Allocation.open(platform, target, { relayed: 'tcp', ...rest }, signal);
  allocations.push(allocation);
  return allocation;
}

describe('an allocation', () => {
  it.each(['tcp', 'udp'] as const)(
    'is made over %s, once the server has said what it wants of credentials',
    async (transport) => {
      const { relayed, mapped } = await allocate({ transport });
      expect(relayed).toEqual(server.relayed);
      expect(mapped).toEqual({ address: '192.0.2.1', port: 7 });
      expect(server.count(method.allocate)).toBe(1);
    },
  );

  it.each([
    ['tcp', 6],
    ['udp', 17],
  ] as const)('asks for relayed %s as protocol %i', async (relayed, number) => {
    await allocate({ relayed });
    expect(server.requests[0]?.message.value(attribute.requestedTransport)).toEqual(Buffer.from([number, 0, 0, 0]));
  });

  it('is not made with a wrong password, and the message tells the server but not the password', async () => {
    const error = await allocate({ password: 'guess' }).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'TURN_UNAUTHORIZED', message: expect.stringContaining('turn.test:3478 answered 401') });
    expect(String(error)).not.toContain('guess');
  });

  it('takes a new nonce when the old one is stale', async () => {
    const allocation = await allocate();
    server.nonce = 'second';
    await allocation.permit([peer.address]);
    expect(server.requests.map(({ message }) => message.value(attribute.nonce)?.toString())).toEqual([
      'first',
      'first',
      'second',
    ]);
  });

  it('gives up on a server that finds every nonce stale', async () => {
    server.refuse(method.allocate, 438, 438, 438, 438, 438, 438);
    await expect(allocate()).rejects.toMatchObject({ code: 'TURN_UNAUTHORIZED', status: 438 });
    expect(server.count(method.allocate)).toBeLessThan(6);
  });

  it('is asked for again on another connection when the first still has one', async () => {
    server.refuse(method.allocate, 437);
    await allocate();
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it.each([
    [437, 'TURN_ALLOCATION_LOST'],
    [403, 'TURN_FORBIDDEN'],
    [440, 'TURN_FORBIDDEN'],
    [441, 'TURN_UNAUTHORIZED'],
    [442, 'TURN_NO_TCP_RELAY'],
    [486, 'TURN_QUOTA_REACHED'],
    [508, 'TURN_FULL'],
    [500, 'TURN_REFUSED'],
  ])('refused with %i says %s, and no connection stays', async (status, code) => {
    server.refuse(method.allocate, status, status);
    await expect(allocate()).rejects.toMatchObject({ code, status });
    await Promise.all(server.sockets.map((socket) => socket.closed || once(socket, 'close')));
  });

  it('does not believe an answer that is not signed with the key', async () => {
    server.forges = true;
    const outcome = allocate();
    outcome.catch(() => {});
    await server.asked(method.allocate);
    await clock.advance(6000);
    await expect(outcome).rejects.toMatchObject({ code: 'TURN_UNREACHABLE' });
  });

  it('is made at the server that another one names, with the same credentials', async () => {
    const other = await ScriptedTurnServer.start();
    server.refuse(method.allocate, 300);
    server.alternate = other.endpoint;
    const allocation = await allocate();
    await allocation.close();
    await other.close();
    expect([server.count(method.allocate), other.count(method.allocate)]).toEqual([1, 1]);
    expect(other.count(method.refresh)).toBe(1);
  });

  it('is not sought any further when the second server names a third', async () => {
    const other = await ScriptedTurnServer.start();
    for (const each of [server, other]) each.refuse(method.allocate, 300, 300);
    server.alternate = other.endpoint;
    other.alternate = server.endpoint;
    await expect(allocate()).rejects.toMatchObject({ code: 'TURN_REDIRECTED' });
    await other.close();
    expect([server.count(method.allocate), other.count(method.allocate)]).toEqual([1, 1]);
  });

  it.each([
    ['no address', undefined],
    ['a private one', { address: '192.168.1.1', port: 3478 }],
    ['one of the cloud’s own', { address: '169.254.169.254', port: 3478 }],
    ['another on this machine', { address: '127.0.0.2', port: 3478 }],
    ['a port of other services', { address: '20.0.9.9', port: 25 }],
  ])('is not sought elsewhere when a server names %s', async (_, alternate) => {
    server.refuse(method.allocate, 300);
    server.alternate = alternate;
    await expect(allocate()).rejects.toMatchObject({ code: 'TURN_REDIRECTED', status: 300 });
  });

  it('over UDP repeats a request that gets no answer, at growing distances, and gives up', async () => {
    server.mute = method.allocate;
    const outcome = allocate({ transport: 'udp' });
    outcome.catch(() => {});
    await server.asked(method.allocate);
    for (const [number, pauseMs] of [250, 500, 1000, 2000].entries()) {
      await clock.advance(pauseMs);
      await server.asked(method.allocate, number + 2);
    }
    await clock.advance(6000);
    await expect(outcome).rejects.toMatchObject({ code: 'TURN_UNREACHABLE' });
  });

  it('is called off by the signal, with its reason and nothing left open', async () => {
    server.mute = method.allocate;
    const calledOff = new AbortController();
    const outcome = allocate({ signal: calledOff.signal });
    outcome.catch(() => {});
    await server.asked(method.allocate);
    calledOff.abort(new Error('called off'));
    await expect(outcome).rejects.toThrow('called off');
    await Promise.all(server.sockets.map((socket) => socket.closed || once(socket, 'close')));
  });
});

describe('over time', () => {
  it('is refreshed at half its lifetime, again and again', async () => {
    await allocate();
    await clock.advance(299_000);
    expect(server.count(method.refresh)).toBe(0);
    await clock.advance(1000);
    await server.asked(method.refresh);
    await clock.advance(300_000);
    await server.asked(method.refresh, 2);
  });

  it('is lost when the server has forgotten it', async () => {
    const { lost } = await allocate();
    server.refuse(method.refresh, 437);
    await clock.advance(300_000);
    if (!lost.aborted) await once(lost, 'abort');
    expect(lost.reason).toMatchObject({ code: 'TURN_ALLOCATION_LOST' });
  });

  it('is lost when the server goes away', async () => {
    const { lost } = await allocate();
    server.sockets[0]?.destroy();
    if (!lost.aborted) await once(lost, 'abort');
    expect(lost.reason).toMatchObject({ code: 'TURN_UNREACHABLE' });
  });

  it('has its permissions and channels renewed before the five minutes that they live', async () => {
    const allocation = await allocate({ transport: 'udp', relayed: 'udp' });
    await allocation.permit([peer.address, '198.51.100.5']);
    await allocation.bindChannel(peer);
    await clock.advance(240_000);
    await server.asked(method.createPermission, 2);
    await server.asked(method.channelBind, 2);
    const permitted = server.requests.filter((request) => request.method === method.createPermission).at(-1);
    expect(permitted?.message.attributes.filter(([type]) => type === attribute.xorPeerAddress)).toHaveLength(2);
  });

  it('is given back with a lifetime of zero, once', async () => {
    const allocation = await allocate();
    await Promise.all([allocation.close(), allocation.close()]);
    const refreshes = server.requests.filter((request) => request.method === method.refresh);
    expect(refreshes.map(({ message }) => decodeUint32(message.value(attribute.lifetime)))).toEqual([0]);
  });

  it('is left to its lifetime when the server does not take it back', async () => {
    const allocation = await allocate();
    server.mute = method.refresh;
    const closing = allocation.close();
    await server.asked(method.refresh);
    await clock.advance(2000);
    await closing;
    expect(allocation.lost.aborted).toBe(true);
  });
});

describe('connections of peers (RFC 6062)', () => {
  it('one that came in is joined on a connection of its own, and no byte of it is lost', async () => {
    let announced: (id: number) => void = () => {};
    const announcement = new Promise<number>((resolve) => {
      announced = resolve;
    });
    const allocation = await allocate({ onConnection: (id) => announced(id) });
    server.announceConnection(5, peer);
    const stream = await allocation.accept(await announcement, never);
    stream.write('there and back');
    const [echo] = (await once(stream, 'data')) as [Buffer];
    expect(echo.toString()).toBe('there and back');
    const bind = server.requests.find((request) => request.method === method.connectionBind);
    expect(bind?.connection).toBe(1);
    expect(decodeUint32(bind?.message.value(attribute.connectionId))).toBe(5);
    stream.destroy();
  });

  it('one to a peer is asked for and joined', async () => {
    const allocation = await allocate();
    const stream = await allocation.connect(peer, never);
    const asked = server.requests.find((request) => request.method === method.connect);
    const id = asked?.message.transactionId ?? new Uint8Array(12);
    expect(decodeXorAddress(asked?.message.value(attribute.xorPeerAddress), id)).toEqual(peer);
    stream.destroy();
  });

  it.each([446, 447])('one that is refused with %i says that it could not be made', async (status) => {
    const allocation = await allocate();
    server.refuse(method.connect, status);
    await expect(allocation.connect(peer, never)).rejects.toMatchObject({ code: 'TURN_CONNECT_FAILED', status });
    expect(allocation.lost.aborted).toBe(false);
  });

  it('one that cannot be joined leaves no connection behind', async () => {
    const allocation = await allocate();
    server.refuse(method.connectionBind, 447);
    await expect(allocation.accept(9, never)).rejects.toMatchObject({ code: 'TURN_CONNECT_FAILED' });
    const [, second] = server.sockets;
    if (second && !second.closed) await once(second, 'close');
  });
});

describe('datagrams', () => {
  it.each(['udp', 'tcp'] as const)('come in with and without a channel over %s', async (transport) => {
    const received: string[] = [];
    let arrived: () => void = () => {};
    const both = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const allocation = await allocate({
      transport,
      relayed: 'udp',
      onData: (data, from) => {
        received.push(`${data} from ${from.address}`);
        if (received.length === 2) arrived();
      },
    });
    await allocation.bindChannel(peer);
    server.announceData(Buffer.from('abcd'), { address: '198.51.100.9', port: 1 });
    server.sendChannelData(0x4000, Buffer.from('efgh'));
    await both;
    expect(received).toEqual(['abcd from 198.51.100.9', 'efgh from 198.51.100.4']);
  });
});

/** A plain socket: what the agent's own adds to it is not of interest here. */
async function bindUdp({ onMessage }: BindUdpOptions): Promise<DatagramSocket> {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (data, from) => onMessage(data, from));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    local: socket.address(),
    send: (data, remote) => socket.send(data, remote.port, remote.address),
    setTtl: (ttl) => socket.setTTL(ttl),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
