import { beforeEach, expect, it } from 'vitest';
import type { BindUdpOptions, Endpoint, Net } from '../../src/core/net.js';
import { KnownServices } from '../../src/core/peer-services.js';
import { systemRandom } from '../../src/core/random.js';
import { ResponderChecks } from '../../src/discovery/stun/responder-checks.js';
import { FakeClock } from './fake-clock.js';
import { bindingResponse } from './stun-server.js';

const peer = { key: 'aa', address: '200::1' };
const port = 4703;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

let clock: FakeClock;
let known: KnownServices;
let checks: ResponderChecks;
let asked: Endpoint[];
let open: number;
let told: Endpoint[];
/** Where the responder sees who asks; undefined when nothing comes back. */
let seen: Endpoint | undefined;

beforeEach(() => {
  clock = new FakeClock();
  known = new KnownServices();
  known.linkUp(peer);
  [asked, told, open, seen] = [[], [], 0, { address: '20.0.2.2', port: 5000 }];
  known.tellReached = (_, place) => void told.push(place);
  const net = {
    bindUdp: async ({ onMessage }: BindUdpOptions) => {
      open += 1;
      return {
        send: (data: Uint8Array, to: Endpoint) => {
          asked.push(to);
          const from = seen;
          if (from) queueMicrotask(() => onMessage(bindingResponse(Buffer.from(data), from), to));
        },
        async close() {
          open -= 1;
        },
      };
    },
  } as unknown as Net;
  checks = new ResponderChecks({ net, clock, random: systemRandom, log: silent }, known);
});

const learn = () => known.learn(peer, { stun: [], relay: [], unconfirmed: port });

it('a peer is told where its responder answers, once it asks and a direct path leads to it', async () => {
  learn();
  await clock.advance(0);
  expect(asked).toEqual([]);
  checks.met(peer, '20.0.1.2');
  await clock.advance(0);
  expect([told, open]).toEqual([[{ address: '20.0.1.2', port }], 0]);
});

it('it does not matter which of the two is known first', async () => {
  checks.met(peer, '20.0.1.2');
  learn();
  await clock.advance(0);
  expect(told).toEqual([{ address: '20.0.1.2', port }]);
});

it('a responder that is silent is not vouched for', async () => {
  seen = undefined;
  checks.met(peer, '20.0.1.2');
  learn();
  await clock.advance(5000);
  expect([told, open]).toEqual([[], 0]);
});

it('nor is one that sees who asks at its own address, behind the same NAT', async () => {
  seen = { address: '20.0.1.2', port: 5000 };
  checks.met(peer, '20.0.1.2');
  learn();
  await clock.advance(5000);
  expect(told).toEqual([]);
});

it('a path inside a network is no reason to ask', async () => {
  checks.met(peer, '192.168.1.3');
  learn();
  await clock.advance(5000);
  expect(asked).toEqual([]);
});

it('a peer is checked once a minute at most', async () => {
  checks.met(peer, '20.0.1.2');
  for (let times = 0; times < 20; times++) learn();
  await clock.advance(0);
  expect(asked).toHaveLength(1);
  await clock.advance(60_000);
  learn();
  await clock.advance(0);
  expect(asked).toHaveLength(2);
});
