import { beforeEach, describe, expect, it } from 'vitest';
import { KnownServices } from '../../src/core/peer-services.js';
import { PeerServers } from '../../src/discovery/stun/peer-servers.js';

const port = 4703;
const peer = (key: string) => ({ key, address: '200::1' });

describe('STUN responders of peers', () => {
  let known: KnownServices;
  let servers: PeerServers;
  beforeEach(() => {
    known = new KnownServices();
    servers = new PeerServers(known);
  });
  const meet = (key: string, ...addresses: string[]) => {
    known.linkUp(peer(key));
    known.learn(peer(key), { stun: addresses.map((address) => ({ address, port })), relay: [] });
  };
  const list = () => servers.list(() => true);

  it('are one a peer, those of the newest link first', () => {
    meet('a', '20.0.1.2');
    meet('b', '20.0.2.2', '20.0.2.3');
    expect(list()).toEqual([`20.0.2.2:${port}`, `20.0.1.2:${port}`]);
  });

  it('are asked once where two peers name the same', () => {
    meet('a', '20.0.2.2');
    meet('b', '20.0.2.2');
    expect(list()).toEqual([`20.0.2.2:${port}`]);
  });

  it('are those of IPv4', () => {
    meet('a', '2001:4860::1', '20.0.1.2');
    expect(list()).toEqual([`20.0.1.2:${port}`]);
  });

  it('are a few', () => {
    for (let index = 0; index < 20; index++) meet(String(index), `20.0.1.${index}`);
    expect(list()).toHaveLength(4);
  });

  it('are remembered when their links have ended, after those of links', () => {
    meet('a', '20.0.1.2');
    meet('b', '20.0.2.2');
    known.linkDown(peer('b'));
    expect(list()).toEqual([`20.0.1.2:${port}`, `20.0.2.2:${port}`]);
  });

  it('are forgotten, the oldest first, when many links have ended', () => {
    for (let index = 0; index < 17; index++) {
      meet(String(index), `20.0.1.${index}`);
      known.linkDown(peer(String(index)));
    }
    expect(servers.list(({ key }) => key === '0')).toEqual([]);
    expect(servers.list(({ key }) => key === '1')).toEqual([`20.0.1.1:${port}`]);
  });

  it('are forgotten when the peer takes its offer back', () => {
    meet('a', '20.0.1.2');
    meet('a');
    expect(list()).toEqual([]);
  });

  it('are left alone when their peer is not permitted any more', () => {
    meet('a', '20.0.1.2');
    expect(servers.list(({ key }) => key !== 'a')).toEqual([]);
  });
});
