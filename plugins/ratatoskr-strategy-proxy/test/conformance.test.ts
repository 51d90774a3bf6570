import { strategyConformance } from 'ratatoskr/testing';
import { describe, test } from 'vitest';
import proxy from '../dist/index.js';
import { serveSocks } from './socks-server.js';

describe('the strategy through a SOCKS5 proxy keeps the contract', () => {
  strategyConformance({
    test,
    // Where an end has a public address the other is told of it; where none has, the proxy takes the connection.
    prepare: ({ net, address }) => serveSocks(net, address, 1080),
    factory: (services, { address, port }) =>
      proxy.create(proxy.options.parse({ proxy: `socks5://${address}:${port}`, listen: { port: 4704 } }), services),
    supports: { opens: ['public', 'one-nat', 'two-nats', 'symmetric-nats', 'no-udp'], kind: 'relayed' },
  });
});
