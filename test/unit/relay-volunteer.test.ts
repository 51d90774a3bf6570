import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { defaultConfig } from '../../src/core/config.js';
import type { InterfaceAddress, Net } from '../../src/core/net.js';
import { OfferedServices } from '../../src/core/peer-services.js';
import { systemRandom } from '../../src/core/random.js';
import { RelayTickets } from '../../src/core/relay-tickets.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { Volunteer } from '../../src/relay/volunteer.js';

const system = createSystemNet();
const north = { key: '11'.repeat(32), address: '200::1' };
let volunteer: Volunteer | undefined;
afterEach(async () => {
  await volunteer?.close();
});

/** An agent on a machine with these addresses, which listens on loopback alone. */
async function agent(addresses: readonly string[], options: object, listenTcp?: Net['listenTcp']) {
  const { relay } = defaultConfig();
  const settings = { current: { relay: { ...relay, volunteer: { ...relay.volunteer, enabled: true, ...options } } } };
  const offered = new OfferedServices();
  const tickets = new RelayTickets();
  const logged: string[] = [];
  const tell = (event: string) => void logged.push(event);
  const log = { debug: tell, info: tell, warn: tell, error: tell };
  const onLoopback: Net['listenTcp'] = async (each) => {
    if (each.local.address.includes(':')) throw Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' });
    return system.listenTcp({ ...each, local: { address: '127.0.0.1', port: 0 } });
  };
  const interfaces = () =>
    addresses.map((address): InterfaceAddress => ({ name: 'wan', address, family: 4, prefixLength: 24, internal: false }));
  const net: Net = { ...system, interfaces, listenTcp: listenTcp ?? onLoopback };
  volunteer = new Volunteer({ net, clock: systemClock, random: systemRandom, log, offered, tickets, settings });
  await volunteer.start();
  return { offered, tickets, settings, logged, volunteer };
}

describe('an agent that volunteers', () => {
  it('offers the public addresses of its own, and no others', async () => {
    const { offered } = await agent(['20.0.1.2', '192.168.1.2', '200::7', '10.0.0.1'], {});
    expect(offered.current.relay).toEqual([{ address: '20.0.1.2', port: 4704 }]);
  });

  it('offers what its operator names, also where it has no public address', async () => {
    const { offered } = await agent(['192.168.1.2'], { advertise: [{ address: '20.0.7.7', port: 9000 }] });
    expect(offered.current.relay).toEqual([{ address: '20.0.7.7', port: 9000 }]);
  });

  it('offers nothing where nobody can reach it, and says so', async () => {
    const { offered, tickets, logged } = await agent(['192.168.1.2'], {});
    expect(offered.current.relay).toEqual([]);
    expect(tickets.grant).toBeUndefined();
    expect(logged).toEqual(['relay.unreachable']);
  });

  it('does nothing unless it is told to', async () => {
    const { offered, logged } = await agent(['20.0.1.2'], { enabled: false });
    expect(offered.current.relay).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('goes on without a relay when its port is taken', async () => {
    const taken: Net['listenTcp'] = async () => {
      throw Object.assign(new Error('the port is taken'), { code: 'EADDRINUSE' });
    };
    const { offered, logged } = await agent(['20.0.1.2'], {}, taken);
    expect(offered.current.relay).toEqual([]);
    expect(logged).toEqual(['relay.volunteer-failed']);
  });

  it('grants tickets to those on its list alone, and the list may change', async () => {
    const { tickets, settings } = await agent(['20.0.1.2'], { allow: ['ee'.repeat(32)] });
    expect(() => tickets.grant?.(north)).toThrow(expect.objectContaining({ code: 'RELAY_NOT_ALLOWED' }));
    settings.current.relay.volunteer.allow = [north.key];
    expect(tickets.grant?.(north)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes the offer back when it ends', async () => {
    const { offered, tickets, volunteer: made } = await agent(['20.0.1.2'], {});
    await made.close();
    expect(offered.current.relay).toEqual([]);
    expect(tickets.grant).toBeUndefined();
  });
});
