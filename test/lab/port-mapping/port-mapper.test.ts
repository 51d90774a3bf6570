import { describe, expect, it, type TestContext } from 'vitest';
import { Lab, type LabOptions } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { MapperProcess } from './mapper-process.js';

const port = 5000;
const mapped = [{ transport: 'tcp', externalPort: port, leadsTo: `192.168.1.2:${port}` }];

function network(test: TestContext, options: LabOptions): Promise<Lab> {
  return ownedBy(test, Lab.create({ b: 'public', routers: false, turn: false, ...options }));
}

/** What the public peer hears when it connects to the mapped port and says something. */
async function echo({ p }: Lab, address = '20.0.1.2', at = port): Promise<string> {
  const script = `exec 3<>/dev/tcp/${address}/${at}; echo hello >&3; read -t 3 line <&3; echo "$line"`;
  return (await p.exec(['timeout', '5', 'bash', '-c', script])).trim();
}

describe('a pinhole in a firewall of IPv6', () => {
  const own = '2a00:20:1:1::2';

  it.concurrent('is opened by pcp, really lets in, and is closed when it is given back', async (test) => {
    const made = await network(test, { a: 'pin6' });
    await expect(echo(made, own)).rejects.toThrow();
    const mapper = new MapperProcess(made.a, { port, family: 6 });
    expect(await mapper.event('mapped')).toMatchObject({ protocol: 'pcp', external: { address: own, port } });
    expect(await made.gateway('ra').pinholes()).toEqual([`[${own}]:${port}`]);
    expect(await echo(made, own)).toBe('echo hello');
    await mapper.terminate();
    expect(await made.gateway('ra').pinholes()).toEqual([]);
  });

  it.concurrent('is closed by the next run after a kill -9', async (test) => {
    const made = await network(test, { a: 'pin6' });
    const mapper = new MapperProcess(made.a, { port, family: 6 });
    await mapper.event('mapped');
    await mapper.kill9();
    expect(await made.gateway('ra').pinholes()).toEqual([`[${own}]:${port}`]);
    const next = new MapperProcess(made.a, { port: 0 });
    expect(await next.event('mapping.recovered')).toMatchObject({ removed: 1 });
    expect(await made.gateway('ra').pinholes()).toEqual([]);
  });
});

const kinds: readonly (readonly [NatKindName, string])[] = [
  ['upnp', 'upnp'],
  ['igdv1', 'upnp'],
  ['symupnp', 'pcp'],
  ['pmp', 'nat-pmp'],
  ['pcp', 'pcp'],
];

describe.each(kinds)('a port mapped behind %s', (kind, protocol) => {
  it.concurrent(`is mapped by ${protocol}, really forwards, and is removed when it is given back`, async (test) => {
    const network1 = await network(test, { a: kind });
    const mapper = new MapperProcess(network1.a, { port });
    const line = await mapper.event('mapped');
    expect(line).toMatchObject({ protocol, external: { address: '20.0.1.2', port } });
    expect(await network1.gateway('ra').mappings()).toEqual(mapped);
    expect(await echo(network1)).toBe('echo hello');
    expect(await mapper.terminate()).toEqual({ code: 0, signal: null });
    expect(await network1.gateway('ra').mappings()).toEqual([]);
  });

  it.concurrent('is removed by the next run after a kill -9', async (test) => {
    const network1 = await network(test, { a: kind });
    const mapper = new MapperProcess(network1.a, { port });
    await mapper.event('mapped');
    await mapper.kill9();
    expect(await network1.gateway('ra').mappings()).toEqual(mapped);
    const next = new MapperProcess(network1.a, { port: 0 });
    expect(await next.event('mapping.recovered')).toMatchObject({ removed: 1 });
    expect(await network1.gateway('ra').mappings()).toEqual([]);
  });

  it.concurrent('carries an established connection on when the mapping is removed', async (test) => {
    const network1 = await network(test, { a: kind });
    const mapper = new MapperProcess(network1.a, { port });
    await mapper.event('mapped');
    const folder = network1.p.insideFolder;
    const talk = `exec 3<>/dev/tcp/20.0.1.2/${port}; mkfifo ${folder}/go; echo one >&3; read -t 5 line <&3; echo "$line"`;
    const more = `read go < ${folder}/go; echo two >&3; read -t 5 line <&3; echo "$line"`;
    const client = network1.p.spawn(['bash', '-c', `${talk}; ${more}`], { name: 'client' });
    await client.line('first echo', (line) => line === 'echo one' || undefined);
    await mapper.unmap();
    await mapper.event('mapping.removed');
    expect(await network1.gateway('ra').mappings()).toEqual([]);
    await network1.p.exec(['sh', '-c', `echo go > ${folder}/go`]);
    await client.line('second echo', (line) => line === 'echo two' || undefined);
  });

  it.concurrent('is made anew when the gateway has lost it in a restart', async (test) => {
    const network1 = await network(test, { a: kind });
    const mapper = new MapperProcess(network1.a, { port, checkIntervalMs: 1000 });
    await mapper.event('mapped');
    // Until its epoch stands out from what clocks may differ by.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await network1.gateway('ra').loseAll();
    expect(await network1.gateway('ra').mappings()).toEqual([]);
    await network1.gateway('ra').start();
    const back = async () => ((await network1.gateway('ra').mappings()).length > 0 ? true : undefined);
    await poll('the mapping is back', back, { timeoutMs: 40_000 });
    expect(await echo(network1)).toBe('echo hello');
    await mapper.terminate();
    expect(await network1.gateway('ra').mappings()).toEqual([]);
  });
});

describe('a short lease', () => {
  it.concurrent.for(['upnp', 'igdv1', 'pmp', 'pcp'] as const)('of %s is renewed before it ends', async (kind, test) => {
    const { a, gateway } = await gatewayLab(test, kind);
    await gateway.loseAll();
    await gateway.start({ leastLeaseSeconds: 1 });
    const lifetimeSeconds = 6;
    const mapper = new MapperProcess(a, { port, lifetimeSeconds });
    await mapper.event('mapped');
    await mapper.event('mapping.renewed');
    await mapper.event('mapping.renewed', laterThan(1));
    // Past the first lease by now.
    await mapper.event('mapping.renewed', laterThan(2));
    expect(await gateway.mappings()).toEqual(mapped);
  });

  it.concurrent.for(['upnp', 'pmp', 'pcp'] as const)('of %s ends by itself when nobody renews it', async (kind, test) => {
    const { a, gateway } = await gatewayLab(test, kind);
    await gateway.loseAll();
    await gateway.start({ leastLeaseSeconds: 1 });
    const mapper = new MapperProcess(a, { port, lifetimeSeconds: 3 });
    await mapper.event('mapped');
    await mapper.kill9();
    const gone = async () => ((await gateway.mappings()).length === 0 ? true : undefined);
    await poll('the mapping ends', gone, { timeoutMs: 20_000 });
  });

  async function gatewayLab(test: TestContext, kind: NatKindName) {
    const network1 = await network(test, { a: kind });
    return { a: network1.a, gateway: network1.gateway('ra') };
  }

  /** Skips so many lines. */
  function laterThan(count: number): () => boolean {
    let seen = 0;
    return () => ++seen > count;
  }
});

describe('a gateway behind another NAT', () => {
  it.concurrent('is recognised by its lack of a public address, and keeps no mapping', async (test) => {
    const network1 = await network(test, { a: 'stacked' });
    const mapper = new MapperProcess(network1.a, { port });
    expect((await mapper.event('failed')).code).toBe('NAT_STACKED');
    await mapper.event('closed');
    expect(await network1.gateway('qa').mappings()).toEqual([]);
  });
});

describe('no gateway that maps ports', () => {
  it.concurrent('is known after two seconds, with the reason of each protocol', async (test) => {
    const network1 = await network(test, { a: 'prc' });
    const mapper = new MapperProcess(network1.a, { port });
    const { code, message } = await mapper.event('failed');
    expect(code).toBe('MAPPING_UNSUPPORTED');
    for (const name of ['pcp', 'nat-pmp', 'upnp']) expect(message).toContain(`${name}: 192.168.1.1 did not answer`);
  });
});
