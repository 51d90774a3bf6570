import { describe, expect, it } from 'vitest';
import type { KnownService } from '../../src/core/peer-services.js';
import { peerServers } from '../../src/discovery/stun/peer-servers.js';

const from = (key: string, address: string, port = 4703): KnownService => ({
  peer: { key, address: '200::1' },
  endpoint: { address, port },
});

describe('STUN responders of peers', () => {
  it('are one a peer, in the order of their links', () => {
    const offered = [from('b', '20.0.2.2'), from('b', '20.0.2.3'), from('a', '20.0.1.2', 5000)];
    expect(peerServers(offered)).toEqual(['20.0.2.2:4703', '20.0.1.2:5000']);
  });

  it('are asked once where two peers name the same', () => {
    expect(peerServers([from('b', '20.0.2.2'), from('a', '20.0.2.2')])).toEqual(['20.0.2.2:4703']);
  });

  it('are those of IPv4', () => {
    expect(peerServers([from('a', '2001:4860::1'), from('a', '20.0.1.2')])).toEqual(['20.0.1.2:4703']);
  });

  it('are a few', () => {
    const offered = Array.from({ length: 20 }, (_, index) => from(String(index), `20.0.1.${index}`));
    expect(peerServers(offered)).toHaveLength(4);
  });
});
