import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs', 'plugins.md'), 'utf8');
const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? [];

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** As the page says it is tried: a configuration, and beside it the package with what it depends on. @returns the arguments of run */
function author(host: Host, options: object): readonly string[] {
  const folder = join(host.folder, 'mine');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', 'ratatoskr'));
  symlinkSync(join(root, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.0.0', type: 'module', exports: './index.js' }));
  writeFileSync(join(folder, 'index.js'), code);
  writeFileSync(join(folder, 'try.conf'), `strategies: [ { use: "./", options: ${JSON.stringify(options)} } ]`);
  return ['--config', `${host.insideFolder}/mine/try.conf`];
}

it('the strategy that docs/plugins.md shows bridges two hosts, one of which can be reached', async () => {
  lab = await Lab.create({ a: 'public', b: 'sym', links: { a: 10, b: 10, p: 20 } });
  const a = lab.a.agent({ args: author(lab.a, { port: 4704, address: lab.a.address }) });
  const b = lab.b.agent({ args: author(lab.b, { port: 4704 }) });
  expect(await a.event('plugin.loaded')).toMatchObject({ plugin: './', strategy: 'forwarded-port', version: '1.0.0' });
  await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
  await lab.settled();
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  const up = await b.event('bridge.up');
  await ping.stop();
  expect(up).toMatchObject({ strategy: 'forwarded-port', kind: 'direct', remote: `${lab.a.address}:4704` });
  expect([(await a.terminate()).code, (await b.terminate()).code]).toEqual([0, 0]);
});
