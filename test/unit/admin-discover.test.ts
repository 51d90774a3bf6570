import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAdminUri } from '../../src/core/admin/admin-uri.js';
import { discoverAdminTargets } from '../../src/core/admin/discover.js';
import { openAdminConnection } from '../../src/core/admin/open-connection.js';
import { systemClock } from '../../src/core/clock.js';
import { ConfigError } from '../../src/core/errors.js';
import type { Net } from '../../src/core/net.js';
import { FakeAdmin, plainNet, scratchFolder } from './admin-fake.js';

const usual = [
  'unix:///var/run/yggdrasil.sock',
  'unix:///var/run/yggdrasil/yggdrasil.sock',
  'unix:///run/yggdrasil/yggdrasil.sock',
  'tcp://localhost:9001',
];

async function discovered(config: string) {
  const file = join(await scratchFolder(), 'yggdrasil.conf');
  await writeFile(file, config);
  const warnings: string[] = [];
  const targets = await discoverAdminTargets((reason) => warnings.push(reason), [file]);
  return { uris: targets.map(({ uri }) => uri), warnings };
}

describe('an admin address', () => {
  it.each([
    ['unix:///var/run/yggdrasil.sock', { kind: 'unix', path: '/var/run/yggdrasil.sock' }],
    ['UNIX:///a', { kind: 'unix', path: '/a' }],
    ['tcp://localhost:9001', { kind: 'tcp', host: 'localhost', port: 9001 }],
    ['tcp://127.0.0.1:1', { kind: 'tcp', host: '127.0.0.1', port: 1 }],
    ['tcp://[::1]:65535', { kind: 'tcp', host: '::1', port: 65_535 }],
    ['tcp://router_1.lan:9001/', { kind: 'tcp', host: 'router_1.lan', port: 9001 }],
  ])('may be %s', (uri, target) => {
    expect(parseAdminUri(uri)).toMatchObject(target);
  });

  it.each([
    ['http://localhost:9001', 'it is neither'],
    ['localhost:9001', 'it is neither'],
    ['unix://relative.sock', 'it is neither'],
    ['unix:///', 'it is neither'],
    ['tcp://localhost', 'it is neither'],
    ['tcp://user@host:1', 'it is neither'],
    ['tcp://localhost:0', 'a port is 1 to 65535'],
    ['tcp://localhost:65536', 'a port is 1 to 65535'],
    [`unix:///${'a'.repeat(107)}`, '107 bytes'],
    ['', 'it is neither'],
  ])('cannot be %j', (uri, why) => {
    const parse = () => parseAdminUri(uri);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(expect.objectContaining({ code: 'ADMIN_URI_INVALID', message: expect.stringContaining(why) }));
    expect(parse).toThrow('unix:///path/to.sock and tcp://host:port are allowed');
  });
});

describe('looking for the admin socket', () => {
  it('goes by the usual places where there is no config', async () => {
    const targets = await discoverAdminTargets(undefined, ['/nonexistent/yggdrasil.conf']);
    expect(targets.map(({ uri }) => uri)).toEqual(usual);
  });

  it('begins with AdminListen of the config, which is HJSON', async () => {
    const config =
      '{\n  # Your private key.\n  PrivateKey: 00ff\n  Peers: [\n    tls://192.0.2.1:443\n  ]\n  AdminListen: unix:///srv/ygg.sock\n}\n';
    expect((await discovered(config)).uris).toEqual(['unix:///srv/ygg.sock', ...usual]);
  });

  it.each([
    ['{"AdminListen": "tcp://localhost:9002"}', 'tcp://localhost:9002'],
    ['{"adminlisten": "tcp://[::1]:9002"}', 'tcp://[::1]:9002'],
    ['{"AdminListen": "localhost:9002"}', 'tcp://localhost:9002'],
    ['{"AdminListen": "tcp://0.0.0.0:9002"}', 'tcp://127.0.0.1:9002'],
    ['{"AdminListen": ":9002"}', 'tcp://127.0.0.1:9002'],
    ['{"AdminListen": "tcp://[::]:9002"}', 'tcp://[::1]:9002'],
    ['\ufeff{"AdminListen": "unix:///a"}', 'unix:///a'],
  ])('dials for %s what it means', async (config, uri) => {
    expect((await discovered(config)).uris[0]).toBe(uri);
  });

  it.each(['{}', '{"AdminListen": "none"}', '{"AdminListen": ""}', '{"AdminListen": null}'])(
    'learns nothing from %s',
    async (config) => {
      expect(await discovered(config)).toEqual({ uris: usual, warnings: [] });
    },
  );

  it('does not try the same socket twice', async () => {
    expect((await discovered('{"AdminListen": "tcp://localhost:9001"}')).uris).toEqual([
      'tcp://localhost:9001',
      ...usual.slice(0, 3),
    ]);
  });

  it('warns of an AdminListen that cannot be dialled and goes on', async () => {
    const { uris, warnings } = await discovered('{"AdminListen": "unix://@abstract"}');
    expect(uris).toEqual(usual);
    expect(warnings).toEqual([expect.stringContaining('“unix://@abstract” is no admin address')]);
  });

  it('never quotes a config that does not parse: it holds the private key', async () => {
    const { warnings } = await discovered('{"PrivateKey": "5ec4e7" "x": }');
    expect(warnings).toEqual([expect.stringMatching(/yggdrasil\.conf: it is not valid HJSON$/)]);
  });
});

describe('opening an admin connection', () => {
  const signal = new AbortController().signal;
  const failing = (code: string): Net => ({
    ...plainNet(),
    connectUnix: () => Promise.reject(Object.assign(new Error(`connect ${code}`), { code })),
  });

  it.each([
    ['ENOENT', 'there is no such socket'],
    ['ECONNREFUSED', 'nothing listens there'],
  ])('says in words what %s means', async (code, words) => {
    await expect(
      openAdminConnection(parseAdminUri('unix:///a'), { net: failing(code), clock: systemClock, signal }),
    ).rejects.toMatchObject({
      code: 'ADMIN_UNREACHABLE',
      message: `No router answers at unix:///a: ${words}.`,
      cause: { code },
    });
  });

  it('names the socket’s owner and what lets us in where we may not', async () => {
    const folder = await scratchFolder();
    const { username } = userInfo();
    const target = parseAdminUri(`unix://${folder}`);
    const failure = openAdminConnection(target, { net: failing('EACCES'), clock: systemClock, signal });
    await expect(failure).rejects.toMatchObject({
      code: 'ADMIN_FORBIDDEN',
      message: expect.stringContaining(`user ${username} may not open it`),
    });
    await expect(failure).rejects.toMatchObject({
      message: expect.stringContaining('mode 0700'),
      help: expect.stringContaining('Let its group'),
    });
  });

  it('names the command that lets us into the socket’s group', async () => {
    const folder = join(await scratchFolder(), 'g');
    await mkdir(folder, { mode: 0o770 });
    await chmod(folder, 0o660);
    const gid = process.getgroups?.().find((group) => group !== 0);
    if (process.getuid?.() === 0) await chown(folder, 0, 1);
    else if (gid !== undefined) await chown(folder, -1, gid);
    const failure = openAdminConnection(parseAdminUri(`unix://${folder}`), {
      net: failing('EACCES'),
      clock: systemClock,
      signal,
    });
    await expect(failure).rejects.toMatchObject({
      help: expect.stringMatching(/^Run “sudo usermod -aG \S+ \S+”, then log in anew/),
    });
  });

  it('tries every address of a host', async () => {
    const admin = new FakeAdmin({ host: '127.0.0.1', port: 0 });
    await admin.start();
    const net: Net = { ...plainNet(), resolve: async () => ['127.255.255.254', '127.0.0.1'] };
    const { connection } = await openAdminConnection(parseAdminUri(`tcp://router.lan:${admin.port}`), {
      net,
      clock: systemClock,
      signal,
    });
    expect(await connection.call('getPeers', {}, (response) => response)).toEqual({ peers: [] });
    connection.close();
    await admin.stop();
  });
});
