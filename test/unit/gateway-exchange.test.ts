import { describe, expect, it } from 'vitest';
import type { BindUdpOptions, Endpoint, Net } from '../../src/core/net.js';
import type { Gateway } from '../../src/discovery/gateway/default-gateway.js';
import type { CallOptions, MappingRequest, ProtocolServices } from '../../src/discovery/gateway/mapping-protocol.js';
import { natPmp } from '../../src/discovery/gateway/nat-pmp.js';
import { pcp } from '../../src/discovery/gateway/pcp.js';
import { FakeClock, settle } from './fake-clock.js';

const gateway: Gateway = { family: 4, address: '192.168.1.1', interface: 'eth0', own: '192.168.1.2' };
const server = { address: gateway.address, port: 5351 };
const request: MappingRequest = {
  transport: 'tcp',
  internalPort: 5000,
  externalPort: 5000,
  lifetimeSeconds: 3600,
  nonce: '000102030405060708090a0b',
};

/** One UDP socket at a time, and what a test wants of the other end. */
class Wire {
  readonly clock = new FakeClock();
  readonly sent: { packet: Buffer; at: number; to: Endpoint }[] = [];
  open = 0;
  private bound: BindUdpOptions | undefined;
  private readonly aborting = new AbortController();

  /** @param reply what the server answers to a packet, at once */
  constructor(private readonly reply: (packet: Buffer) => Buffer | undefined = () => undefined) {}

  get options(): CallOptions {
    const bindUdp = async (bound: BindUdpOptions) => {
      this.bound = bound;
      this.open += 1;
      return {
        local: bound.local,
        setTtl: () => {},
        send: (data: Uint8Array, to: Endpoint) => {
          const packet = Buffer.from(data);
          this.sent.push({ packet, at: this.clock.now(), to });
          const answer = this.reply(packet);
          if (answer) this.receive(answer);
        },
        close: async () => {
          this.open -= 1;
        },
      };
    };
    const services = { net: { bindUdp } as unknown as Net, clock: this.clock } as unknown as ProtocolServices;
    return { services, timeoutMs: 2000, signal: this.aborting.signal };
  }

  receive(packet: Buffer, from: Endpoint = server): void {
    this.bound?.onMessage(packet, from);
  }

  abort(reason: Error): void {
    this.aborting.abort(reason);
  }
}

/** A PCP server's answer: the R bit, a result and an epoch of 7 s. */
function pcpAnswer(packet: Buffer, { result = 0, lifetime = 120 } = {}): Buffer {
  const answer = Buffer.from(packet);
  answer[1] = (answer[1] ?? 0) | 0x80;
  answer[3] = result;
  answer.writeUInt32BE(lifetime, 4);
  answer.fill(0, 8, 24).writeUInt32BE(7, 8);
  if (answer.length === 60) answer.set([20, 0, 1, 2], 56);
  return answer;
}

describe('a request to the gateway', () => {
  it('is sent again after 250 ms and then twice as long each time, until its deadline', async () => {
    const wire = new Wire();
    const outcome = expect(pcp.probe(gateway, wire.options)).rejects.toMatchObject({ code: 'MAPPING_TIMEOUT' });
    await wire.clock.advance(10_000);
    await outcome;
    expect(wire.sent.map(({ at }) => at)).toEqual([0, 250, 750, 1750]);
    expect(wire.sent.every(({ to }) => to.address === gateway.address && to.port === 5351)).toBe(true);
  });

  it('leaves neither socket nor timer behind when nobody answers', async () => {
    const wire = new Wire();
    const outcome = pcp.probe(gateway, wire.options).catch(() => undefined);
    await wire.clock.advance(10_000);
    await outcome;
    expect([wire.open, wire.clock.pending]).toEqual([0, 0]);
  });

  it('ends with the reason of its signal and leaves nothing behind', async () => {
    const wire = new Wire();
    const reason = new Error('enough');
    const outcome = expect(natPmp.probe(gateway, wire.options)).rejects.toBe(reason);
    await settle();
    wire.abort(reason);
    await outcome;
    expect([wire.open, wire.clock.pending]).toEqual([0, 0]);
  });

  it.each([
    ['another host', { address: '192.168.1.9', port: 5351 }],
    ['another port of the gateway', { address: '192.168.1.1', port: 999 }],
  ])('is not answered by %s', async (_who, from) => {
    const wire = new Wire();
    const outcome = expect(pcp.probe(gateway, wire.options)).rejects.toMatchObject({ code: 'MAPPING_TIMEOUT' });
    await settle();
    wire.receive(pcpAnswer(wire.sent[0]?.packet ?? Buffer.alloc(24)), from);
    await wire.clock.advance(2000);
    await outcome;
  });
});

describe('PCP', () => {
  it('maps what the server gives', async () => {
    const wire = new Wire((packet) => pcpAnswer(packet));
    expect(await pcp.map(gateway, request, wire.options)).toEqual({
      external: { address: '20.0.1.2', port: 5000 },
      lifetimeSeconds: 120,
      epochSeconds: 7,
    });
  });

  it('does not take the answer to another nonce for its own', async () => {
    const wire = new Wire((packet) => pcpAnswer(Buffer.from(packet).fill(0xff, 24, 36)));
    const outcome = expect(pcp.map(gateway, request, wire.options)).rejects.toMatchObject({ code: 'MAPPING_TIMEOUT' });
    await wire.clock.advance(2000);
    await outcome;
  });

  it.each([
    [2, 'MAPPING_REFUSED'],
    [4, 'MAPPING_UNSUPPORTED'],
    [8, 'MAPPING_REFUSED'],
    [11, 'MAPPING_CONFLICT'],
  ])('turns result %i into %s', async (result, code) => {
    const wire = new Wire((packet) => pcpAnswer(packet, { result }));
    await expect(pcp.map(gateway, request, wire.options)).rejects.toMatchObject({ code });
  });

  it('leaves a server of another version to NAT-PMP', async () => {
    const wire = new Wire(() => Buffer.from('0080000100000007', 'hex'));
    await expect(pcp.probe(gateway, wire.options)).rejects.toMatchObject({ code: 'MAPPING_UNSUPPORTED' });
  });

  it('deletes with lifetime 0 and the nonce of the mapping', async () => {
    const wire = new Wire((packet) => pcpAnswer(packet, { lifetime: 0 }));
    expect(await pcp.unmap(gateway, request, wire.options)).toBe(true);
    expect(wire.sent[0]?.packet.readUInt32BE(4)).toBe(0);
    expect(wire.sent[0]?.packet.subarray(24, 36).toString('hex')).toBe(request.nonce);
  });

  it('leaves the mapping of another alone when told that it is one', async () => {
    const wire = new Wire((packet) => pcpAnswer(packet, { result: 2 }));
    expect(await pcp.unmap(gateway, request, wire.options)).toBe(false);
  });
});

describe('NAT-PMP', () => {
  /** A server that gives port 6000 for 60 s. */
  const server6000 = (packet: Buffer) => {
    if (packet.length === 2) return Buffer.from('008000000000000714000102', 'hex');
    const lifetime = packet.readUInt32BE(8) === 0 ? '00000000' : '0000003c';
    const port = lifetime === '00000000' ? '0000' : '1770';
    return Buffer.from(`0082000000000007${packet.subarray(4, 6).toString('hex')}${port}${lifetime}`, 'hex');
  };

  it('maps what the server gives', async () => {
    expect(await natPmp.map(gateway, request, new Wire(server6000).options)).toEqual({
      external: { address: '20.0.1.2', port: 6000 },
      lifetimeSeconds: 60,
      epochSeconds: 7,
    });
  });

  it('deletes with external port and lifetime 0', async () => {
    const wire = new Wire(server6000);
    expect(await natPmp.unmap(gateway, request, wire.options)).toBe(true);
    expect(wire.sent[0]?.packet.toString('hex')).toBe('00020000' + '13880000' + '00000000');
  });

  it('passes on the address and the epoch', async () => {
    expect(await natPmp.check(gateway, request, new Wire(server6000).options)).toEqual({
      externalAddress: '20.0.1.2',
      epochSeconds: 7,
    });
  });
});
