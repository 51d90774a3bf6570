import DHT, { type KeyPair } from 'hyperdht';
import { AgentError, type DiscoveryContext, type DiscoveryServices, type DiscoverySource, sleep } from 'ratatoskr';
import type { Options } from './options.js';
import { Topic } from './topic.js';

/** The first pause between announcements, in milliseconds; each is twice the one before. */
const firstPauseMs = 5000;
/** A find lasts for as many announcements as this. */
const expiryIntervals = 3;
/** How long leaving the topic may take, in milliseconds; the DHT forgets by itself after some minutes. */
const leaveMs = 3000;

/** Announces this router under the passphrase's topic, and tells of those that others announced. */
export class Rendezvous implements DiscoverySource {
  readonly name = 'hyperdht';

  constructor(
    private readonly options: Options,
    private readonly services: DiscoveryServices,
  ) {}

  async run(context: DiscoveryContext): Promise<void> {
    const { passphrase, bootstrap } = this.options;
    const { signal } = context;
    const topic = await Topic.of(passphrase);
    signal.throwIfAborted();
    // Port 0: the default one may be another agent's.
    const dht = new DHT({ ephemeral: true, port: 0, ...(bootstrap ? { bootstrap } : {}) });
    // One of its own for every run: who looks at the DHT cannot tell what becomes of a router.
    const keyPair = DHT.keyPair();
    let left: Promise<void> | undefined;
    const leave = () => {
      left ??= this.leave(dht, topic, keyPair);
    };
    // What is under way in the DHT ends with that, too.
    signal.addEventListener('abort', leave, { once: true });
    try {
      await this.meet(context, { dht, topic, keyPair });
    } finally {
      leave();
      await left;
    }
  }

  private async meet({ self, signal, found }: DiscoveryContext, place: Place): Promise<void> {
    const { interval } = this.options;
    const { dht, topic, keyPair } = place;
    const record = topic.seal(keyPair.publicKey, self.key);
    let known: ReadonlyMap<string, string | undefined> = new Map();
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, interval * 1000)) {
      await dht.mutablePut(keyPair, record).catch(unanswered);
      known = await this.look(place, known);
      for (const key of new Set(known.values())) {
        if (key !== undefined && key !== self.key) found({ key, expiresInMs: expiryIntervals * interval * 1000 });
      }
      await sleep(this.services.clock, pauseMs, signal);
    }
  }

  /** Announces, and reads what the others have sealed. @returns keys of routers by announcer; undefined for what is no record */
  private async look(place: Place, known: ReadonlyMap<string, string | undefined>): Promise<Map<string, string | undefined>> {
    const { dht, topic, keyPair } = place;
    const announcers = new Map<string, Buffer>();
    for await (const { peers } of dht.announce(topic.target, keyPair, [])) {
      for (const { publicKey } of peers) {
        if (announcers.size < this.options.maxPeers && !publicKey.equals(keyPair.publicKey)) {
          announcers.set(publicKey.toString('hex'), publicKey);
        }
      }
    }
    const read = async (announcer: Buffer) => {
      const stored = await dht.mutableGet(announcer, { latest: false });
      return stored ? topic.open(announcer, stored.value) : undefined;
    };
    const entries = [...announcers].map(
      async ([id, announcer]): Promise<[string, string | undefined]> => [id, known.get(id) ?? (await read(announcer))],
    );
    return new Map(await Promise.all(entries));
  }

  /** Never rejects. */
  private async leave(dht: DHT, { target }: Topic, keyPair: KeyPair): Promise<void> {
    const over = new AbortController();
    const unannounced = dht.unannounce(target, keyPair).catch(() => {});
    await Promise.race([unannounced, sleep(this.services.clock, leaveMs, over.signal).catch(() => {})]);
    over.abort();
    await dht.destroy();
  }
}

function unanswered(cause: Error): never {
  throw new AgentError('DISCOVERY_FAILED', `No node of the DHT answers: ${cause.message}.`, { cause });
}

interface Place {
  readonly dht: DHT;
  readonly topic: Topic;
  readonly keyPair: KeyPair;
}
