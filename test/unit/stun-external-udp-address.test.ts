import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { discoverExternalUdpAddress, type UdpDiscoveryOptions } from '../../src/discovery/stun/external-udp-address.js';
import { decodeBindingRequest, encodeBindingResponse } from '../../src/discovery/stun/responder-codec.js';
import { StunTransactions } from '../../src/discovery/stun/stun-transactions.js';
import { FakeClock } from './fake-clock.js';

const ours = { address: '20.0.1.2', port: 4711 };
const elsewhere = { address: '20.6.6.6', port: 666 };

interface Behaviour {
  readonly seen?: Endpoint;
  readonly afterMs?: number;
  /** Answers come from here. */
  readonly from?: Endpoint;
}

/** Servers by their name, `address:port`; those without behaviour are silent. */
function discover(servers: Record<string, readonly Behaviour[]>, options: Partial<UdpDiscoveryOptions> = {}) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const transactions: StunTransactions = new StunTransactions({
    clock,
    random: systemRandom,
    send: (data, remote) => {
      const name = remote.address.includes(':') ? `[${remote.address}]:${remote.port}` : `${remote.address}:${remote.port}`;
      asked.push(name);
      const { transactionId = Buffer.alloc(12) } = decodeBindingRequest(data) ?? {};
      for (const { seen = ours, afterMs = 1, from = remote } of servers[name] ?? []) {
        clock.setTimer(afterMs, () => transactions.receive(encodeBindingResponse(transactionId, { mapped: seen }), from));
      }
    },
  });
  const found = discoverExternalUdpAddress({
    net: { resolve: async (host) => [host] },
    clock,
    transactions,
    servers: Object.keys(servers),
    family: 4,
    ...options,
  });
  return { found, clock, asked };
}

describe('the external address of a UDP socket', () => {
  test('is what two servers agree on', async () => {
    const { found, clock } = discover({ '20.0.9.2:1': [{}], '20.0.9.3:1': [{}] });
    await clock.advance(10);
    expect(await found).toMatchObject({ mapped: ours, agreement: 'agree', failures: [], strays: 0 });
    expect(clock.pending).toBe(0);
  });

  test('is found over IPv6', async () => {
    const seen = { address: '2001:db8::7', port: 7 };
    const { found, clock } = discover({ '[2001:db8::1]:1': [{ seen }] }, { family: 6 });
    await clock.advance(200);
    expect(await found).toMatchObject({ mapped: seen, agreement: 'one' });
  });

  test('is in doubt when a server lies', async () => {
    const { found, clock } = discover({ '20.0.9.2:1': [{}], '20.0.9.3:1': [{ seen: elsewhere }] });
    await clock.advance(10);
    expect(await found).toMatchObject({ agreement: 'disagree' });
  });

  test('is not what a forged answer says, which is counted', async () => {
    const forged = { seen: elsewhere, afterMs: 0, from: { address: '20.9.9.9', port: 1 } };
    const { found, clock } = discover({ '20.0.9.2:1': [forged, {}] });
    await clock.advance(200);
    expect(await found).toMatchObject({ mapped: ours, agreement: 'one', strays: 1 });
  });

  test('does not wait for a silent server once others have answered', async () => {
    const { found, clock } = discover({ '20.0.9.2:1': [], '20.0.9.3:1': [{}] });
    await clock.advance(150);
    expect(await found).toMatchObject({ mapped: ours, failures: [] });
    expect(clock.pending).toBe(0);
  });

  test('is not what an answer says that comes too late', async () => {
    const { found, clock, asked } = discover({ '20.0.9.2:1': [{ afterMs: 5_000 }] }, { timeoutMs: 2_000 });
    await clock.advance(2_000);
    expect(await found).toMatchObject({ mapped: undefined, agreement: 'none', failures: [{ code: 'ETIMEDOUT' }] });
    expect(asked).toHaveLength(3);
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const { found, clock } = discover({ '20.0.9.2:1': [] }, { signal: controller.signal });
    const reason = new Error('enough');
    const rejected = expect(found).rejects.toBe(reason);
    await clock.advance(10);
    controller.abort(reason);
    await rejected;
    expect(clock.pending).toBe(0);
  });
});
