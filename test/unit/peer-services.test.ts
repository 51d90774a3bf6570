import { describe, expect, it } from 'vitest';
import { KnownServices, maxServiceEndpoints, OfferedServices, type Services } from '../../src/core/peer-services.js';
import { keys } from './links.js';

const place = (address: string, port = 3478) => ({ address, port });
const [one, other] = keys.map((key) => ({ key, address: '200::1' })) as [
  { key: string; address: string },
  { key: string; address: string },
];

describe('what an agent offers', () => {
  function watched() {
    const offered = new OfferedServices();
    const changes: Services[] = [];
    offered.onChange = (services) => changes.push(services);
    return { offered, changes };
  }

  it('is nothing at first', () => {
    expect(new OfferedServices().current).toEqual({ stun: [], relay: [] });
  });

  it('is told at each change, whole', () => {
    const { offered, changes } = watched();
    offered.offer('stun', [place('20.0.1.2')]);
    offered.offer('relay', [place('20.0.1.2', 3479)]);
    expect(changes.at(-1)).toEqual({ stun: [place('20.0.1.2')], relay: [place('20.0.1.2', 3479)] });
    expect(offered.current).toBe(changes.at(-1));
  });

  it('is not told again when it is the same', () => {
    const { offered, changes } = watched();
    offered.offer('stun', []);
    offered.offer('stun', [place('20.0.1.2')]);
    offered.offer('stun', [place('20.0.1.2')]);
    expect(changes).toHaveLength(1);
  });

  it('is taken back by offering none', () => {
    const { offered, changes } = watched();
    offered.offer('stun', [place('20.0.1.2')]);
    offered.offer('stun', []);
    expect(changes.at(-1)?.stun).toEqual([]);
  });
});

describe('what peers offer', () => {
  function known(...endpoints: { address: string; port: number }[]) {
    const services = new KnownServices();
    services.linkUp(one);
    services.learn(one, { stun: endpoints, relay: [] });
    return services;
  }

  it('is known with who offers it, those of the newest link first', () => {
    const services = known(place('20.0.1.2'), place('20.0.1.3'));
    services.linkUp(other);
    services.learn(other, { stun: [place('20.0.2.2')], relay: [] });
    services.learn(one, { stun: [place('20.0.1.2')], relay: [] });
    expect(services.of('stun')).toEqual([
      { peer: other, endpoint: place('20.0.2.2') },
      { peer: one, endpoint: place('20.0.1.2') },
    ]);
  });

  it('is forgotten when the link ends', () => {
    const services = known(place('20.0.1.2'));
    services.linkDown(one);
    expect(services.of('stun')).toEqual([]);
  });

  it('is forgotten when a newer link takes over', () => {
    const services = known(place('20.0.1.2'));
    services.linkUp(one);
    expect(services.of('stun')).toEqual([]);
  });

  it('is not believed without a link', () => {
    const services = new KnownServices();
    services.learn(one, { stun: [place('20.0.1.2')], relay: [] });
    expect(services.of('stun')).toEqual([]);
  });

  it.each(['127.0.0.1', '169.254.169.254', '192.168.1.2', '224.0.0.1', '200::1', 'fe80::1', '0.0.0.0', 'example.org', ''])(
    'is left out at %j',
    (address) => {
      expect(known(place(address)).of('stun')).toEqual([]);
    },
  );

  it('is left out at a well-known port', () => {
    expect(known(place('20.0.1.2', 53)).of('stun')).toEqual([]);
  });

  it('is capped for each peer', () => {
    const many = Array.from({ length: 20 }, (_, index) => place(`20.0.1.${index}`));
    expect(known(...many).of('stun')).toHaveLength(maxServiceEndpoints);
  });
});
