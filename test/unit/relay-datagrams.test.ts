import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/core/config.js';
import { StrategyError } from '../../src/core/errors.js';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { bindUdp } from '../../src/native/udp.js';
import { approach } from '../../src/strategies/relay/datagram-approach.js';
import { DatagramTerms } from '../../src/strategies/relay/datagram-terms.js';
import { openLoopbackHop } from '../../src/strategies/relay/loopback-hop.js';
import type { DatagramWay, Relay, RelayedPlace, RelayedStream } from '../../src/strategies/relay/relay-source.js';
import { attribute, method } from '../../src/strategies/relay/turn/protocol.js';
import { TurnRelays } from '../../src/strategies/relay/turn-relays.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeReliableUdp } from './fake-reliable-udp.js';
import { credentials, ScriptedTurnServer } from './turn-server.js';

const net = createSystemNet();
const never = new AbortController().signal;
const terms = new DatagramTerms(new Uint8Array(32).fill(7), 0);
const peer: Endpoint = { address: '198.51.100.4', port: 4000 };
const log = { debug() {}, info() {}, warn() {}, error() {} };

let server: ScriptedTurnServer;
let layer: FakeReliableUdp;
let clock: FakeClock;
let cleanUp: (() => Promise<void>)[];
beforeEach(async () => {
  server = await ScriptedTurnServer.start();
  layer = new FakeReliableUdp();
  clock = new FakeClock();
  cleanUp = [];
});
afterEach(async () => {
  for (const end of cleanUp) await end();
  await server.close();
  expect(clock.pending).toBe(0);
  expect(layer.sockets.size).toBe(0);
});

/** The operator's servers: the scripted one. */
function turnRelays({ query = '', reliable = true } = {}): TurnRelays {
  const uri = `turn:${credentials.username}:${credentials.password}@127.0.0.1:${server.endpoint.port}${query}`;
  const { relay } = parseConfig(JSON.stringify({ relay: { turn: [uri] } }), 'test.conf');
  const platform = { net, clock, random: systemRandom, ...(reliable ? { reliableUdp: layer } : {}) };
  return new TurnRelays(platform, () => relay.turn, log);
}

async function oneOf(relays: TurnRelays): Promise<Relay> {
  const [relay] = (await relays.relays({ key: 'b' }, never)).found;
  if (!relay) throw new Error('no relay');
  return relay;
}

async function openPlace(relay: Relay, streams: RelayedStream[] = []): Promise<RelayedPlace> {
  const onStream = (stream: RelayedStream) => streams.push(stream);
  const place = await relay.open({ peers: [peer.address], terms, onStream, signal: never });
  cleanUp.push(() => place.close());
  return place;
}

const transports = () =>
  server.requests
    .filter((request) => request.method === method.allocate)
    .map(({ message }) => message.value(attribute.requestedTransport)?.[0]);

describe('a server', () => {
  it('that relays TCP is asked for nothing else', async () => {
    expect((await openPlace(await oneOf(turnRelays()))).protocol).toBe('tcp');
    expect(transports()).toEqual([6]);
  });

  it.each([400, 420, 442])(
    'that refuses TCP with %i relays datagrams instead, and is not asked for TCP again',
    async (status) => {
      server.refuse(method.allocate, status);
      const relays = turnRelays();
      expect((await openPlace(await oneOf(relays))).protocol).toBe('udp');
      expect((await openPlace(await oneOf(relays))).protocol).toBe('udp');
      expect(transports()).toEqual([6, 17, 17]);
    },
  );

  it('that is reached over UDP is asked for datagrams only', async () => {
    await openPlace(await oneOf(turnRelays({ query: '?transport=udp' })));
    expect(transports()).toEqual([17]);
  });

  it('that refuses TCP is of no use where nothing makes a stream of datagrams', async () => {
    server.refuse(method.allocate, 442);
    const relay = await oneOf(turnRelays({ reliable: false }));
    await expect(openPlace(relay)).rejects.toMatchObject({ code: 'TURN_NO_TCP_RELAY' });
  });

  it('that refuses datagrams too leaves nothing open', async () => {
    server.refuse(method.allocate, 442, 486);
    await expect(openPlace(await oneOf(turnRelays()))).rejects.toMatchObject({ code: 'TURN_QUOTA_REACHED' });
  });
});

describe('a place for datagrams', () => {
  const streams: RelayedStream[] = [];
  beforeEach(async () => {
    streams.length = 0;
    await openPlace(await oneOf(turnRelays({ query: '?transport=udp' })), streams);
  });

  it('gives whoever greets it a stream, over a channel to where the greeting came from', async () => {
    server.announceData(terms.greeting('plain'), peer);
    await layer.streams(1);
    await settle();
    expect(streams).toMatchObject([{ remote: peer, local: server.relayed, carrier: 'udx' }]);
    expect(server.count(method.channelBind)).toBe(1);
    expect(layer.opened[0]?.options).toMatchObject(terms.stream('plain', 'opener'));
  });

  it('gives one stream to each route, however often it is greeted', async () => {
    for (let round = 0; round < 3; round++) {
      server.announceData(terms.greeting('plain'), peer);
      server.announceData(terms.greeting('relayed'), { address: '198.51.100.5', port: 5 });
    }
    await layer.streams(2);
    await settle();
    expect(streams).toHaveLength(2);
  });

  it('does not listen to strangers', async () => {
    const other = new DatagramTerms(new Uint8Array(32).fill(8), 0);
    server.announceData(other.greeting('plain'), peer);
    server.announceData(terms.greeting('plain'), peer);
    await layer.streams(1);
    await settle();
    expect(layer.opened).toHaveLength(1);
    expect(server.count(method.channelBind)).toBe(1);
  });
});

it('a way of this end’s own to a place is let through its allocation, and greets without a channel', async () => {
  const place = { address: '20.0.9.2', port: 50_001 };
  const way = await (await oneOf(turnRelays())).approach?.({ place, terms, signal: never });
  cleanUp.push(async () => way?.close());
  way?.greet();
  expect(await server.firstSent()).toEqual({ data: String(terms.greeting('relayed')), peer: place });
  expect([server.count(method.createPermission), server.count(method.channelBind)]).toEqual([1, 1]);
});

describe('a hop on loopback', () => {
  it('takes datagrams of its client alone, and none that would not fit a link', async () => {
    const arrived: string[] = [];
    const [client, stranger] = [await loopbackSocket(), await loopbackSocket()];
    const last = new Promise<void>((resolve) => {
      const send = (data: Buffer) => {
        arrived.push(`${data.length}`);
        if (data.length === 1) resolve();
      };
      void openLoopbackHop(net, { client: client.local, send }).then((hop) => {
        cleanUp.push(() => hop.close());
        stranger.send(Buffer.alloc(5), hop.endpoint);
        for (const length of [1448, 1449, 1]) client.send(Buffer.alloc(length), hop.endpoint);
      });
    });
    await last;
    expect(arrived).toEqual(['1448', '1']);
  });
});

describe('coming to a place', () => {
  const place = { address: '127.0.0.1', port: 9 };
  const announced: string[] = [];
  const asked: Endpoint[] = [];
  const ownWay: DatagramWay = {
    stream: { stream: duplexPair()[0], local: { address: '20.0.9.9', port: 9 }, remote: place },
    greet: () => {},
    lost: never,
    close: async () => {},
  };
  const own = {
    approach: async (options: { place: Endpoint }) => {
      asked.push(options.place);
      return ownWay;
    },
  } as unknown as Relay;

  function come(relay: Relay | undefined, prove: (stream: Duplex) => Promise<Duplex>): Promise<DatagramWay> {
    announced.length = 0;
    asked.length = 0;
    return approach({
      place,
      terms,
      own: relay,
      announce: async (address) => void announced.push(address),
      prove,
      services: { net, clock, random: systemRandom, log, stateDir: '', addresses: { stunServers: [] }, reliableUdp: layer },
      signal: never,
      released: (done) => cleanUp.push(() => done),
    });
  }

  it('by plain UDP asks for nothing else when the peer answers', async () => {
    const way = await come(own, async (stream) => stream);
    cleanUp.push(() => way.close());
    await clock.advance(2000);
    expect(way.stream.carrier).toBe('udx');
    expect(asked).toEqual([]);
  });

  it('is tried from a relay of this end’s own when plain UDP is not answered, and the peer is told from where', async () => {
    const met = come(own, (stream) => (stream === ownWay.stream.stream ? Promise.resolve(stream) : untilDestroyed(stream)));
    await clock.advance(799);
    expect(asked).toEqual([]);
    await clock.advance(1);
    expect(await met).toBe(ownWay);
    expect([asked, announced]).toEqual([[place], ['20.0.9.9']]);
  });

  it('on no way is told with the reason of the first', async () => {
    const met = come(undefined, async (stream) => {
      stream.destroy();
      throw new StrategyError('PROOF_FAILED', 'Nobody is there.');
    });
    await expect(met).rejects.toMatchObject({ code: 'PROOF_FAILED' });
  });
});

function untilDestroyed(stream: Duplex): Promise<never> {
  return new Promise((_, reject) => stream.once('close', () => reject(new Error('it was closed'))));
}

function loopbackSocket() {
  return bindUdp({ local: { address: '127.0.0.1', port: 0 }, onMessage: () => {} }).then((socket) => {
    cleanUp.push(() => socket.close());
    return socket;
  });
}
