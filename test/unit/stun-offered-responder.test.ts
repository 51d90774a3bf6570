import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StrategyError } from '../../src/core/errors.js';
import type { BindUdpOptions, Endpoint, Net } from '../../src/core/net.js';
import { OfferedServices } from '../../src/core/peer-services.js';
import { systemRandom } from '../../src/core/random.js';
import type { PortMapping, WantedMapping } from '../../src/discovery/gateway/port-mapper.js';
import { encodeBindingRequest } from '../../src/discovery/stun/codec.js';
import { OfferedResponder } from '../../src/discovery/stun/offered-responder.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock } from './fake-clock.js';
import { bindingResponse } from './stun-server.js';

const port = 4703;
const minute = 60_000;

/** A machine whose sockets go nowhere, and whose STUN server sees what it is told to see. */
class Machine {
  own: string[] = [];
  seen: Endpoint | undefined;
  taken = false;
  readonly listening = new Set<string>();
  readonly sent: Endpoint[] = [];
  readonly sockets = new Map<string, BindUdpOptions['onMessage']>();

  readonly net = {
    capabilities: { sharedPort: false, peerCredentials: false, tcpTuning: false },
    interfaces: () => this.own.map((address) => ({ name: 'eth0', address, family: 4, prefixLength: 24, internal: false })),
    resolve: async (host: string) => [host],
    connectTcp: async () => {
      const [near, far] = duplexPair();
      far.on('data', (request: Buffer) => far.write(bindingResponse(request, this.seen ?? { address: '20.0.0.1', port: 1 })));
      return near;
    },
    bindUdp: async ({ local, onMessage }: BindUdpOptions) => {
      if (this.taken) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
      this.sockets.set(local.address, onMessage);
      return {
        ...this.open(`udp ${local.address}:${local.port}`, local),
        send: (_: Uint8Array, to: Endpoint) => this.sent.push(to),
      };
    },
    listenTcp: async ({ local }: { local: Endpoint }) => this.open(`tcp ${local.address}:${local.port}`, local),
  } as unknown as Net;

  private open(name: string, local: Endpoint) {
    this.listening.add(name);
    return { local, close: async () => void this.listening.delete(name) };
  }
}

/** A gateway that maps what it is asked for, unless told otherwise. */
class Gateway {
  readonly mapped: string[] = [];
  asked = 0;
  refuses = false;
  readonly portOf = { tcp: port, udp: port };
  address = '20.0.1.2';

  recover = async () => 0;
  close = async () => {};
  map = async ({ transport, internalPort }: WantedMapping): Promise<PortMapping> => {
    this.asked += 1;
    if (this.refuses) throw new StrategyError('MAPPING_UNSUPPORTED', 'no');
    const name = `${transport} ${internalPort}`;
    this.mapped.push(name);
    const current = () => ({ address: this.address, port: this.portOf[transport] });
    return {
      get external() {
        return current();
      },
      release: async () => void this.mapped.splice(this.mapped.indexOf(name), 1),
    } as PortMapping;
  };
}

let clock: FakeClock;
let machine: Machine;
let offered: OfferedServices;
let responder: OfferedResponder | undefined;
let warnings: string[];
beforeEach(() => {
  clock = new FakeClock();
  machine = new Machine();
  offered = new OfferedServices();
  warnings = [];
});
afterEach(async () => {
  await responder?.close();
  responder = undefined;
});

async function start({ gateway, stunServers = [] }: { gateway?: Gateway; stunServers?: string[] } = {}): Promise<void> {
  const log = {
    debug: () => {},
    info: () => {},
    warn: (_: string, fields = {}) => warnings.push(JSON.stringify(fields)),
    error: () => {},
  };
  const services = { net: machine.net, clock, random: systemRandom, log, addresses: { stunServers }, stateDir: '' };
  responder = new OfferedResponder({ services, offered, port, ...(gateway ? { mapper: gateway } : {}) });
  responder.start();
  await clock.advance(2000);
}

describe('an agent at a public address', () => {
  it('offers it, and answers there over UDP and TCP', async () => {
    machine.own = ['20.0.3.2', '192.168.7.1'];
    await start();
    expect(offered.current.stun).toEqual([{ address: '20.0.3.2', port }]);
    expect([...machine.listening]).toEqual([`udp 20.0.3.2:${port}`, `tcp 20.0.3.2:${port}`]);
  });

  it('maps no port', async () => {
    machine.own = ['20.0.3.2'];
    const gateway = new Gateway();
    await start({ gateway });
    expect(gateway.asked).toBe(0);
  });

  it('offers it when STUN sees it there', async () => {
    machine.own = ['20.0.3.2'];
    machine.seen = { address: '20.0.3.2', port: 1 };
    await start({ stunServers: ['20.0.9.2:3478'] });
    expect(offered.current.stun).toHaveLength(1);
  });

  it('offers nothing when STUN sees it elsewhere', async () => {
    machine.own = ['20.0.3.2'];
    machine.seen = { address: '20.0.4.2', port: 1 };
    await start({ stunServers: ['20.0.9.2:3478'] });
    expect(offered.current.stun).toEqual([]);
  });

  it('answers a flood of forged sources no faster than it may', async () => {
    machine.own = ['20.0.3.2'];
    await start();
    const request = Buffer.from(encodeBindingRequest(Buffer.alloc(12, 7)));
    for (let source = 0; source < 5000; source++) {
      machine.sockets.get('20.0.3.2')?.(request, { address: `20.1.${source >> 8}.${source & 255}`, port: 40_000 });
    }
    expect(machine.sent).toHaveLength(200);
  });

  it('moves with its address', async () => {
    machine.own = ['20.0.3.2'];
    await start();
    machine.own = ['20.0.4.2'];
    await clock.advance(12_000);
    expect(offered.current.stun).toEqual([{ address: '20.0.4.2', port }]);
    expect([...machine.listening]).toEqual([`udp 20.0.4.2:${port}`, `tcp 20.0.4.2:${port}`]);
  });

  it('says so when the port is taken, and tries again later', async () => {
    machine.own = ['20.0.3.2'];
    machine.taken = true;
    await start();
    expect(warnings).toEqual([expect.stringContaining('STUN_PORT_TAKEN')]);
    machine.taken = false;
    await clock.advance(16 * minute);
    expect(offered.current.stun).toHaveLength(1);
  });

  it('gives the ports back at the end, and leaves no timer', async () => {
    machine.own = ['20.0.3.2'];
    await start();
    await responder?.close();
    expect(machine.listening.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('an agent behind a NAT', () => {
  beforeEach(() => {
    machine.own = ['192.168.1.2'];
  });

  it('offers nothing where no port may be mapped, but has its peers find out whether they reach it', async () => {
    await start();
    expect(offered.current).toEqual({ stun: [], relay: [], unconfirmed: port });
    expect([...machine.listening]).toEqual([`udp 0.0.0.0:${port}`, `tcp 0.0.0.0:${port}`]);
  });

  it('offers where a peer has reached it, until it is at another address', async () => {
    await start();
    offered.onReached?.({ address: '20.0.1.2', port });
    await clock.advance(20 * minute);
    expect(offered.current).toMatchObject({ stun: [{ address: '20.0.1.2', port }], unconfirmed: undefined });
    machine.own = ['192.168.7.2'];
    await clock.advance(12_000);
    expect(offered.current).toMatchObject({ stun: [], unconfirmed: port });
  });

  it.each([
    ['at an address that does not lead to the internet', '192.168.1.9', port],
    ['at another port', '20.0.1.2', 53],
    ['where STUN does not see it', '20.0.7.7', port],
  ])('does not believe a peer that claims to have reached it %s', async (_, address, claimed) => {
    machine.seen = { address: '20.0.1.2', port: 1 };
    await start({ stunServers: ['20.0.9.2:3478'] });
    offered.onReached?.({ address, port: claimed });
    await clock.advance(12_000);
    expect(offered.current).toMatchObject({ stun: [], unconfirmed: port });
  });

  it('needs nobody’s word where the gateway maps', async () => {
    await start({ gateway: new Gateway() });
    expect(offered.current.unconfirmed).toBeUndefined();
    offered.onReached?.({ address: '20.0.7.7', port });
    await clock.advance(12_000);
    expect(offered.current.stun).toEqual([{ address: '20.0.1.2', port }]);
  });

  it('offers the port that the gateway maps, for both transports', async () => {
    const gateway = new Gateway();
    Object.assign(gateway.portOf, { tcp: 50_000, udp: 50_000 });
    await start({ gateway });
    expect(offered.current.stun).toEqual([{ address: '20.0.1.2', port: 50_000 }]);
    expect(gateway.mapped).toEqual([`tcp ${port}`, `udp ${port}`]);
  });

  it('follows a mapping that moves', async () => {
    const gateway = new Gateway();
    await start({ gateway });
    gateway.address = '20.0.1.9';
    await clock.advance(12_000);
    expect(offered.current.stun).toEqual([{ address: '20.0.1.9', port }]);
  });

  it('gives a mapping back that has another port over UDP', async () => {
    const gateway = new Gateway();
    gateway.portOf.udp = 50_001;
    await start({ gateway });
    expect(offered.current.stun).toEqual([{ address: '20.0.1.2', port }]);
    expect(gateway.mapped).toEqual([`tcp ${port}`]);
  });

  it('offers nothing, and keeps no mapping, behind a gateway that is behind another', async () => {
    const gateway = new Gateway();
    machine.seen = { address: '20.0.4.2', port: 1 };
    await start({ gateway, stunServers: ['20.0.9.2:3478'] });
    expect(offered.current.stun).toEqual([]);
    expect(gateway.mapped).toEqual([]);
  });

  it('offers nothing where the gateway maps nothing, and asks it again only after a while', async () => {
    const gateway = new Gateway();
    gateway.refuses = true;
    await start({ gateway });
    await clock.advance(14 * minute);
    expect([gateway.asked, offered.current.stun, warnings]).toEqual([1, [], []]);
    gateway.refuses = false;
    await clock.advance(2 * minute);
    expect(offered.current.stun).toHaveLength(1);
  });

  it('gives its mappings back at the end', async () => {
    const gateway = new Gateway();
    await start({ gateway });
    await responder?.close();
    expect(gateway.mapped).toEqual([]);
  });
});
