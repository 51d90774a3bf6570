import { beforeEach, describe, expect, it } from 'vitest';
import { type GatewayPort, GatewayPorts } from '../../src/core/gateway-ports.js';
import type { StrategyServices } from '../../src/core/strategy.js';
import { MappedPort } from '../../src/strategies/udp-hole-punching/mapped-port.js';
import { settle } from './fake-clock.js';

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const external = { address: '20.0.1.2', port: 41_000 };
const unending = new AbortController().signal;

let released: number;
let asked: { internalPort: number; transport: string }[];
let answer: (port: GatewayPort) => void;
let refuse: (error: Error) => void;
beforeEach(() => {
  released = 0;
  asked = [];
});

const granted = (at = external): GatewayPort => ({
  external: at,
  release: async () => {
    released += 1;
  },
});

function ask({ address = '192.168.1.2', offered = true, signal = unending } = {}): MappedPort {
  const gatewayPorts = new GatewayPorts();
  if (offered) {
    gatewayPorts.offer((wanted, limit) => {
      asked.push(wanted);
      return new Promise((resolve, reject) => {
        answer = resolve;
        refuse = reject;
        limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
      });
    });
  }
  const interfaces = () => [{ name: 'eth0', address, family: 4 as const, prefixLength: 24, internal: false }];
  const services = { gatewayPorts, log, net: { interfaces } } as unknown as StrategyServices;
  return new MappedPort(services, 40_000, signal);
}

describe('the punching socket’s port at the gateway', () => {
  it('is a candidate when the gateway was quick, and given back once in the end', async () => {
    const mapped = ask();
    expect(asked).toEqual([{ transport: 'udp', internalPort: 40_000 }]);
    answer(granted());
    await settle();
    expect(mapped.candidates(['20.0.1.2'])).toEqual([{ type: 'mapped', ...external }]);
    expect(released).toBe(0);
    await mapped.release();
    expect(released).toBe(1);
  });

  it('is not waited for, and the request is called off', async () => {
    const mapped = ask();
    expect(mapped.candidates(['20.0.1.2'])).toEqual([]);
    await mapped.release();
    expect(released).toBe(0);
  });

  it('is given back where the gateway is behind a NAT itself', async () => {
    const mapped = ask();
    answer(granted({ address: '100.64.0.2', port: 41_000 }));
    await settle();
    expect(mapped.candidates(['20.0.1.2'])).toEqual([]);
    await settle();
    expect(released).toBe(1);
  });

  it('is missing without harm where the gateway refuses, or nobody maps ports', async () => {
    const refused = ask();
    refuse(new Error('no'));
    await settle();
    expect(refused.candidates([])).toEqual([]);
    const without = ask({ offered: false });
    await settle();
    expect(without.candidates([])).toEqual([]);
    await Promise.all([refused.release(), without.release()]);
    expect(released).toBe(0);
  });

  it('is not asked for on a public host', () => {
    ask({ address: '20.0.1.2' });
    expect(asked).toEqual([]);
  });

  it('is not waited for when the attempt is called off', async () => {
    const call = new AbortController();
    const mapped = ask({ signal: call.signal });
    call.abort(new Error('called off'));
    await mapped.release();
    expect(released).toBe(0);
  });
});
