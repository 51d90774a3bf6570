import { type Answer, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Net } from '../../src/core/net.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { systemRandom } from '../../src/core/random.js';
import { NetworkEar } from '../../src/discovery/mdns/network-ear.js';
import { announcement, mdnsGroup, question, readMessage } from '../../src/discovery/mdns/records.js';
import { FakeClock } from './fake-clock.js';

const [own, other] = ['11'.repeat(32), 'ee'.repeat(32)] as const;
const place = { address: '192.168.1.2', port: 4702 };
const service = '_ratatoskr._udp.local';

/** A response with one TXT record. */
const txt = (name: string, data: string[], ttl = 120) =>
  encode({ type: 'response', answers: [{ name, type: 'TXT', ttl, data }] });

describe('an announcement', () => {
  it('tells the key, and how long that holds', () => {
    expect(readMessage(announcement(other, place))?.heard).toEqual([{ key: other, lifetimeS: 120 }]);
  });

  it('that is taken back holds no longer', () => {
    expect(readMessage(announcement(other, place, 0))?.heard).toEqual([{ key: other, lifetimeS: 0 }]);
  });

  it.each([
    ['whose name is not the address that derives from the key', txt(`${addressOf(own)}.${service}`, [`key=${other}`])],
    ['of another service', txt(`${addressOf(other)}._http._tcp.local`, [`key=${other}`])],
    ['with a key that is none', txt(`${addressOf(other)}.${service}`, ['key=../../etc/passwd'])],
    ['without a key', txt(`${addressOf(other)}.${service}`, ['txtvers=1'])],
  ])('%s is nobody’s', (_, data) => {
    expect(readMessage(data)?.heard).toEqual([]);
  });

  it('holds two minutes at most, whatever it says', () => {
    const forever = txt(`${addressOf(other)}.${service}`, [`key=${other}`], 2 ** 31 - 1);
    expect(readMessage(forever)?.heard).toEqual([{ key: other, lifetimeS: 120 }]);
  });

  it('of a thousand agents is looked at in part', () => {
    const answers = Array.from({ length: 1000 }, (_, number): Answer => {
      const key = number.toString(16).padStart(64, '0');
      return { name: `${addressOf(key)}.${service}`, type: 'TXT', ttl: 120, data: [`key=${key}`] };
    });
    expect(readMessage(encode({ type: 'response', answers }))?.heard).toHaveLength(64);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['bytes of chance', Buffer.from('c0ffee'.repeat(40), 'hex')],
    ['a name that points to itself', Buffer.from('000084000000000100000000c00c001000010000007800020100', 'hex')],
  ])('that is %s does no harm', (_, data) => {
    expect(readMessage(data)?.heard ?? []).toEqual([]);
  });
});

describe('a question', () => {
  it('is for everyone who is not known yet', () => {
    const asked = readMessage(question([{ key: other, lifetimeS: 100 }]));
    expect([own, other].map((key) => asked?.asksFor(key))).toEqual([true, false]);
  });

  it('is for those, too, whose records have less than half of their life left', () => {
    expect(readMessage(question([{ key: other, lifetimeS: 59 }]))?.asksFor(other)).toBe(true);
  });

  it('for another service is for nobody', () => {
    const data = encode({ type: 'query', questions: [{ name: '_http._tcp.local', type: 'PTR' }] });
    expect(readMessage(data)?.asksFor(own)).toBe(false);
  });
});

/** Agents on one network, whose datagrams all hear. */
async function network(...keys: string[]) {
  const clock = new FakeClock();
  const members: { address: string; hear: (data: Buffer, from: { address: string; port: number }) => void }[] = [];
  const sent: { data: Buffer; from: string }[] = [];
  const deliver = (data: Buffer, from: { address: string; port: number }) => {
    for (const { hear } of [...members]) hear(data, from);
  };
  const joinMulticast: Net['joinMulticast'] = async ({ from, onMessage }) => {
    const member = { address: from, hear: onMessage };
    members.push(member);
    return {
      local: { address: from, port: mdnsGroup.port },
      send: (data) => {
        sent.push({ data: Buffer.from(data), from });
        deliver(Buffer.from(data), { address: from, port: mdnsGroup.port });
      },
      setTtl: () => {},
      close: async () => void members.splice(members.indexOf(member), 1),
    };
  };
  const heard: { by: string; key: string; lifetimeS: number; address: string }[] = [];
  const over = new AbortController();
  const open = async (key: string) => {
    const address = `192.168.1.${members.length + 2}`;
    const ear = await NetworkEar.open(
      {
        net: { joinMulticast } as Net,
        clock,
        random: systemRandom,
        key,
        port: 4702,
        heard: (agent, from) => heard.push({ by: key, ...agent, address: from }),
      },
      { name: 'eth0', address, family: 4, prefixLength: 24, internal: false },
    );
    const life = ear.run(over.signal);
    return { ear, life };
  };
  const ears: Awaited<ReturnType<typeof open>>[] = [];
  for (const key of keys) ears.push(await open(key));
  const close = async () => {
    over.abort();
    await Promise.all(ears.map(({ life }) => life));
    for (const { ear } of ears) await ear.close();
  };
  return { clock, sent, heard, open, deliver, close };
}

describe('agents on one network', () => {
  it('hear of each other at once, with the address', async () => {
    const { clock, heard } = await network(own, other);
    await clock.advance(1500);
    expect(heard).toContainEqual({ by: own, key: other, lifetimeS: 120, address: '192.168.1.3' });
    expect(heard).toContainEqual({ by: other, key: own, lifetimeS: 120, address: '192.168.1.2' });
  });

  it('go on hearing of each other as long as they are there', async () => {
    const { clock, heard } = await network(own, other);
    await clock.advance(3_600_000);
    const seen = heard.filter(({ by }) => by === own).length;
    await clock.advance(120_000);
    expect(heard.filter(({ by }) => by === own).length).toBeGreaterThan(seen);
  });

  it('send less than three messages a minute each in the long run', async () => {
    const { clock, sent } = await network(own, other);
    await clock.advance(600_000);
    const before = sent.length;
    await clock.advance(600_000);
    expect(sent.length - before).toBeLessThan(60);
    expect(sent.length - before).toBeGreaterThan(0);
  });

  it('answer a flood of questions once a second', async () => {
    const { clock, sent, deliver } = await network(own);
    await clock.advance(60_000);
    const before = sent.length;
    for (let number = 0; number < 100; number++) {
      deliver(question([]), { address: '192.168.1.9', port: mdnsGroup.port });
      await clock.advance(50);
    }
    expect(sent.length - before).toBeLessThanOrEqual(6);
  });

  it('do not listen to what comes from another network, or from no responder’s port', async () => {
    const { heard, deliver } = await network(own);
    deliver(announcement(other, place), { address: '20.0.0.9', port: mdnsGroup.port });
    deliver(announcement(other, place), { address: '192.168.1.9', port: 40_000 });
    expect(heard).toEqual([]);
  });

  it('take back what they said when they leave, and leave nothing behind', async () => {
    const { clock, sent, close } = await network(own);
    await clock.advance(5000);
    await close();
    expect(readMessage(sent.at(-1)?.data ?? Buffer.alloc(0))?.heard).toEqual([{ key: own, lifetimeS: 0 }]);
    expect(clock.pending).toBe(0);
  });
});
