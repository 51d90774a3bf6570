import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { labTools } from '../../../scripts/setup/lab-tools.mjs';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { makeRouterKey, RouterProcess } from '../router-process.js';
import { publicAddresses } from '../topology.js';

const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
/** A user and a group that nobody else is. */
const agentUser = 47_020;

let lab: Lab | undefined;
afterEach(() => lab?.close());

it.skipIf(process.getuid?.() !== 0)(
  'a router of root’s without its privileges reaches the bridge of an agent of another user',
  async () => {
    lab = await Lab.create({ a: 'prc', b: 'prc' });
    await restrictRouter(lab.a);
    const by = ['setpriv', `--reuid=${agentUser}`, `--regid=${agentUser}`, '--clear-groups', '--bounding-set=-all', '--'];
    for (const name of ['state', 'run']) {
      mkdirSync(path.join(lab.a.folder, name), { mode: 0o700 });
      chownSync(path.join(lab.a.folder, name), agentUser, agentUser);
    }
    const [a, b] = [lab.a.agent({ program: [...by, process.execPath, cli], env: { HOME: '/nonexistent' } }), lab.b.agent()];
    await Promise.all([a, b].map((agent) => agent.event('signalling.listening')));
    await lab.settled();

    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    expect(await a.event('bridge.up')).toMatchObject({ kind: 'direct' });
    await ping.stop();
    expect(await a.bridges()).toMatchObject([expect.stringMatching(/^unix:/)]);
    // Others may pass through the folder to a name that they know, and see none.
    expect(statSync(path.join(lab.a.folder, 'run')).mode & 0o777).toBe(0o711);
    expect((await a.terminate()).code).toBe(0);
    expect(a.runtimeFiles()).toEqual([]);
  },
);

/** Starts a host's router anew as its own unit does: of root's, without the right to pass over permissions, its socket its group's. */
async function restrictRouter(host: Host): Promise<void> {
  await host.router.stop();
  const program = path.join(host.folder, 'restricted-yggdrasil');
  const command = `setpriv --bounding-set=-dac_override,-dac_read_search -- '${(await labTools()).yggdrasil}' "$@"`;
  writeFileSync(program, `#!/bin/sh\nexec ${command}\n`, { mode: 0o755 });
  const options = { key: makeRouterKey(), listen: ['tcp://0.0.0.0:7002'], peers: [`tcp://${publicAddresses[0]}:5000`] };
  host.router = new RouterProcess(host, { ...options, program: `${host.insideFolder}/restricted-yggdrasil` });
  await host.router.start();
  await host.router.connected(1);
  chownSync(path.join(host.folder, 'admin.sock'), 0, agentUser);
  chmodSync(path.join(host.folder, 'admin.sock'), 0o660);
}
