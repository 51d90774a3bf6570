import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { publicAddresses } from '../topology.js';
import { examine, program } from './examine.js';

const beside = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** One cause, by its code, in words that name it, with what to do. */
const problem = (code: string, message: RegExp, help: RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
  help: expect.stringMatching(help) as string,
});

describe.concurrent('on a machine without a router', () => {
  let lab: Lab;
  let networks: Lab;
  beforeAll(async () => {
    [lab, networks] = await Promise.all([
      Lab.create({ a: 'udpblock', b: 'sym', routers: false }),
      Lab.create({ a: 'prc', b: 'stacked', routers: false }),
    ]);
  });
  afterAll(() => Promise.all([lab?.close(), networks?.close()]));

  it('says that there is none, and how to bring one about; the rest is looked at all the same', async () => {
    const { findings, exitCode } = await examine(lab.b);
    expect(findings.find(({ check }) => check === 'router')).toMatchObject(
      problem('ADMIN_UNREACHABLE', /^No router answers at unix:/, /^Start yggdrasil/),
    );
    expect(findings.find(({ check }) => check === 'nat')?.code).toBe('NAT_RANDOM_PORTS');
    expect(exitCode).toBe(1);
  });

  it('behind a NAT with random ports says that only some peers can be met', async () => {
    const { problems } = await examine(lab.b);
    expect(problems).toMatchObject([problem('NAT_RANDOM_PORTS', /symmetric NAT/, /UPnP.*--turn/)]);
  });

  it('where UDP is blocked says so, and which strategy that costs', async () => {
    const { problems, strategies } = await examine(lab.a);
    expect(problems).toMatchObject([problem('UDP_BLOCKED', /over TCP and not over UDP/, /Open outgoing UDP/)]);
    expect(strategies.map(({ strategy, usable }) => [strategy, usable])).toEqual([
      ['port-mapping', 'unknown'],
      ['tcp-hole-punching', 'yes'],
      ['udp-hole-punching', 'no'],
      ['relay', 'unknown'],
    ]);
  });

  it('behind a gateway that is behind another NAT says that its mappings lead nowhere, and leaves none', async () => {
    const { problems } = await examine(networks.b);
    expect(problems).toMatchObject([problem('NAT_STACKED', /behind another NAT/, /bridge mode/)]);
    expect(await networks.gateway('qb').mappings()).toEqual([]);
  });

  it('behind a gateway that takes connections and stalls says so, and does not stall itself', async () => {
    const gateway = networks
      .node('ra')
      .spawn([process.execPath, beside('stalling-gateway.mjs'), '192.168.1.1'], { name: 'gateway' });
    await gateway.line('sign of readiness', (line) => line === 'ready' || undefined);
    const { problems } = await examine(networks.a);
    expect(problems).toMatchObject([problem('GATEWAY_STALLS', /192\.168\.1\.1 announces UPnP/, /Restart the gateway/)]);
  });
});

describe('a peer behind the same kind of NAT with random ports', () => {
  let lab: Lab;
  let agents: AgentProcess[];
  beforeAll(async () => {
    lab = await Lab.create({ a: 'sym', b: 'sym', controlling: 'a' });
    agents = [lab.a, lab.b].map((host) => host.agent({ args: ['--stun', `${publicAddresses[1]}:3478`] }));
    await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
    await lab.settled();
  });
  afterAll(() => lab?.close());

  it.each([
    ['controls', 'a', 'b'],
    ['follows', 'b', 'a'],
  ] as const)(
    'is tried without any traffic by the end that %s, which says what every strategy came to',
    async (_, here, there) => {
      const { problems } = await examine(lab[here], {
        admin: lab[here].router.adminUri,
        args: ['--peer', lab[there].router.key],
      });
      expect(problems.map(({ code }) => code)).toEqual(['NAT_RANDOM_PORTS', 'STRATEGIES_EXHAUSTED']);
      expect(problems[1]?.message).toMatch(/tcp-hole-punching: .*DOUBLE_RANDOM_NAT/);
      expect(problems[1]?.help).toMatch(/a relay serves|--turn/);
    },
  );
});

describe('beside a router', () => {
  let lab: Lab;
  const admin = ({ router }: Host) => ({ admin: router.adminUri });
  const ask = (host: Host, ...args: string[]) =>
    host.exec([process.execPath, program, ...args, '--runtime-dir', `${host.insideFolder}/run`]);

  beforeAll(async () => {
    lab = await Lab.create({ a: 'prc', b: 'prc' });
  });
  afterAll(() => lab?.close());

  it('finds nothing where there is nothing to find', async () => {
    const { problems, findings, exitCode, agentRunning } = await examine(lab.a, admin(lab.a));
    expect(problems).toEqual([]);
    expect(findings.flatMap(({ check, state }) => (state === 'unchecked' ? check : []))).toEqual(['clock']);
    expect({ exitCode, agentRunning }).toEqual({ exitCode: 0, agentRunning: false });
  });

  it('whose socket this user may not open says whose it is', async () => {
    await lab.b.exec(['chmod', '000', `${lab.b.insideFolder}/admin.sock`]);
    // Root without the right to override permissions.
    const by = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'];
    const { problems } = await examine(lab.b, { ...admin(lab.b), by });
    await lab.b.exec(['chmod', '660', `${lab.b.insideFolder}/admin.sock`]);
    expect(problems).toMatchObject([problem('ADMIN_FORBIDDEN', /admin\.sock belongs to user/, /Let its group/)]);
  });

  it('with a STUN server that lies names the server', async () => {
    const liar = lab.node('core').spawn([process.execPath, beside('lying-stun.mjs'), '20.0.9.1'], { name: 'liar' });
    await liar.line('sign of readiness', (line) => line === 'ready' || undefined);
    const stun = [...publicAddresses, '20.0.9.1'].map((address) => `${address}:3478`);
    const { problems } = await examine(lab.a, { ...admin(lab.a), stun });
    expect(problems).toMatchObject([problem('STUN_CONTRADICTED', /^20\.0\.9\.1:3478 contradicts/, /^Take 20\.0\.9\.1:3478 out/)]);
  });

  it.each([
    ['for every interface', 'tcp dport 4702 drop'],
    ['for the overlay’s alone', 'iifname "ygg0" tcp dport 4702 reject'],
  ])('behind a packet filter with a rule %s that keeps agents out shows the rule', async (_, rule) => {
    const table = `table inet filter {\n chain input {\n type filter hook input priority filter; policy accept;\n ${rule}\n }\n}`;
    await lab.b.exec(['nft', '-f', '-'], { input: table });
    const { problems } = await examine(lab.b, admin(lab.b));
    await lab.b.exec(['nft', 'delete', 'table', 'inet', 'filter']);
    expect(problems).toMatchObject([
      problem(
        'FIREWALL_BLOCKS_SIGNALLING',
        /tcp dport 4702 (drop|reject).* in chain input of table inet filter/,
        /port 4702 in on ygg0/,
      ),
    ]);
  });

  it('explain says that no agent runs at a peer, and what to do; doctor --peer says the same', async () => {
    await lab.settled();
    const agent = lab.a.agent();
    await agent.event('signalling.listening');
    const { address } = lab.b.router;
    await lab.a.ping(address, { count: 2 });
    await agent.event('signalling.failed', { where: ({ remote }) => remote === address });
    expect(await ask(lab.a, 'explain', address)).toMatch(/No agent runs at .*\n {2}→ Run ratatoskr at the peer/);
    const { problems } = await examine(lab.a, { ...admin(lab.a), args: ['--peer', address] });
    expect(problems).toMatchObject([problem('SIGNALLING_UNREACHABLE', /^No agent runs at/, /^Run ratatoskr at the peer/)]);
  });

  it('with a wrong clock says by how much, once there is a peer to compare with', async () => {
    const env = { NODE_OPTIONS: `--import ${beside('slow-clock.mjs')}` };
    const agent = lab.b.agent({ env });
    await agent.event('signalling.listening');
    await lab.b.ping(lab.a.router.address, { count: 2 });
    await agent.event('signalling.connected');
    const { problems } = await examine(lab.b, { ...admin(lab.b), env });
    expect(problems).toMatchObject([problem('CLOCK_WRONG', /clock is 3600 s behind that of/, /timedatectl/)]);
  });

  it('doctor --peer tells of the path to a peer that is willing', async () => {
    const { findings } = await examine(lab.a, { ...admin(lab.a), args: ['--peer', lab.b.router.address] });
    expect(findings.find(({ check }) => check === 'peer')).toMatchObject({
      state: 'ok',
      message: expect.stringMatching(/^There is a direct path to/) as string,
    });
  });
});
