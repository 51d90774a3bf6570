import DHT from 'hyperdht';
import createTestnet from 'hyperdht/testnet';
import type { Clock, DiscoveryServices, DiscoverySource, FoundPeer } from 'ratatoskr';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import hyperdht from '../src/index.js';
import { Topic } from '../src/topic.js';

const keys = ['11'.repeat(32), 'ee'.repeat(32)] as const;
const passphrase = 'ash and nine worlds';

const clock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

let testnet: Awaited<ReturnType<typeof createTestnet>>;
beforeAll(async () => {
  testnet = await createTestnet(4);
});
afterAll(() => testnet.destroy());

const running = new Map<AbortController, Promise<void>>();
afterEach(async () => {
  const all = [...running.keys()];
  await Promise.all(all.map(stop));
});

async function stop(run: AbortController): Promise<void> {
  run.abort(new Error('The test is over.'));
  await running.get(run)?.catch(() => {});
  running.delete(run);
}

function source(phrase: string): DiscoverySource {
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`);
  return hyperdht.create(hyperdht.options.parse({ passphrase: phrase, bootstrap }), { clock } as DiscoveryServices);
}

/** Runs a source for a router. @returns the first find, and what ends it */
function meet(key: string, phrase = passphrase) {
  const run = new AbortController();
  const finds: FoundPeer[] = [];
  const first = new Promise<FoundPeer>((resolve, reject) => {
    const self = { key, address: '200::1' };
    const found = (peer: FoundPeer) => {
      finds.push(peer);
      resolve(peer);
    };
    const life = source(phrase).run({ self, signal: run.signal, found });
    life.catch(reject);
    running.set(run, life);
  });
  first.catch(() => {});
  return { run, finds, first };
}

describe('two agents with one passphrase', () => {
  it('find each other, for a while', { timeout: 30_000 }, async () => {
    const [a, b] = [meet(keys[0]), meet(keys[1])];
    expect(await Promise.all([a.first, b.first])).toEqual([
      { key: keys[1], expiresInMs: 900_000 },
      { key: keys[0], expiresInMs: 900_000 },
    ]);
  });

  it('are not found once they have left', { timeout: 30_000 }, async () => {
    const [a, b] = [meet(keys[0], 'they come and they go'), meet(keys[1], 'they come and they go')];
    await Promise.all([a.first, b.first]);
    await stop(a.run);
    await stop(b.run);
    const { target } = await Topic.of('they come and they go');
    await expect.poll(() => announcersOf(target), { timeout: 15_000 }).toEqual([]);
  });
});

describe('who does not know the passphrase', () => {
  it('can announce himself, and is not told of', { timeout: 30_000 }, async () => {
    const phrase = 'a stranger at the gate';
    const { target } = await Topic.of(phrase);
    const stranger = new DHT({ ephemeral: true, port: 0, bootstrap: testnet.bootstrap });
    const keyPair = DHT.keyPair();
    const wrong = await Topic.of('something else entirely');
    await stranger.mutablePut(keyPair, wrong.seal(keyPair.publicKey, 'aa'.repeat(32)));
    await stranger.announce(target, keyPair, []).finished();
    const a = meet(keys[0], phrase);
    const b = meet(keys[1], phrase);
    await Promise.all([a.first, b.first]);
    expect(new Set([...a.finds, ...b.finds].map(({ key }) => key))).toEqual(new Set(keys));
    await stranger.destroy();
  });
});

it('a DHT of which no node answers is a failure that can be read', { timeout: 30_000 }, async () => {
  const options = hyperdht.options.parse({ passphrase, bootstrap: ['127.0.0.1:9'] });
  const lost = hyperdht.create(options, { clock } as DiscoveryServices);
  const context = { self: { key: keys[0], address: '200::1' }, signal: new AbortController().signal, found: () => {} };
  await expect(lost.run(context)).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
});

async function announcersOf(target: Buffer): Promise<string[]> {
  const dht = new DHT({ ephemeral: true, port: 0, bootstrap: testnet.bootstrap });
  const keyPair = DHT.keyPair();
  const found = new Set<string>();
  for await (const { peers } of dht.announce(target, keyPair, [])) {
    for (const { publicKey } of peers) found.add(publicKey.toString('hex'));
  }
  await dht.destroy();
  found.delete(keyPair.publicKey.toString('hex'));
  return [...found];
}
