import { strategyConformance } from 'ratatoskr/testing';
import { describe, test } from 'vitest';
import proxy from '../src/index.js';
import { serveConnect, serveSocks } from './proxy-servers.js';

describe('the strategy through a SOCKS5 proxy keeps the contract', () => {
  strategyConformance({
    test,
    unclaimed: 'omit',
    // Where an end has a public address the other is told of it; where none has, the proxy takes the connection.
    prepare: ({ net, address }) => serveSocks(net, address),
    factory: (services, uri) => proxy.create(proxy.options.parse({ proxy: uri, listen: { port: 4704 } }), services),
    supports: { opens: ['public', 'one-nat', 'two-nats', 'symmetric-nats', 'no-udp'], kind: 'relayed' },
  });
});

describe('the strategy through an HTTP proxy keeps the contract', () => {
  strategyConformance({
    test,
    unclaimed: 'omit',
    prepare: ({ net, address }) => serveConnect(net, address),
    factory: (services, uri) => proxy.create(proxy.options.parse({ proxy: uri, listen: { port: 443 } }), services),
    supports: { opens: ['public', 'one-nat'], kind: 'relayed' },
  });
});

describe('the strategy without a proxy keeps the contract', () => {
  strategyConformance({
    test,
    unclaimed: 'omit',
    factory: (services) => proxy.create(proxy.options.parse({ listen: { port: 4704 } }), services),
    supports: { opens: ['public', 'one-nat'] },
  });
});
