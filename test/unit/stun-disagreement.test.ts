import { describe, expect, it } from 'vitest';
import type { Net } from '../../src/core/net.js';
import { DisagreementWarning } from '../../src/discovery/stun/disagreement.js';

function warned() {
  const levels: string[] = [];
  const machine = { address: '192.168.1.2', servers: ['20.0.9.2:3478'] };
  const interfaces = () => [{ name: 'eth0', address: machine.address, family: 4, prefixLength: 24, internal: false }];
  const net = { interfaces } as unknown as Net;
  const say = (level: string) => () => levels.push(level);
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const addresses = {
    get stunServers() {
      return machine.servers;
    },
  };
  return { warning: new DisagreementWarning({ net, log, addresses }), levels, machine };
}

describe('the warning of servers that disagree', () => {
  it('is given once, and for debugging after', () => {
    const { warning, levels } = warned();
    for (let attempt = 0; attempt < 3; attempt++) warning.give([]);
    expect(levels).toEqual(['warn', 'debug', 'debug']);
  });

  it.each([
    ['addresses', { address: '192.168.2.2' }],
    ['servers', { servers: ['20.0.9.3:3478'] }],
  ])('is given again when the %s change', (_, change) => {
    const { warning, levels, machine } = warned();
    warning.give([]);
    Object.assign(machine, change);
    warning.give([]);
    expect(levels).toEqual(['warn', 'warn']);
  });
});
