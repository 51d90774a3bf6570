import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writePlugin } from '../../../src/cli/write-plugin.js';
import { Lab } from '../lab.js';
import { links } from '../round-trips.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs', 'plugins.md'), 'utf8');
const commands = blocks('sh');
const [tryConf = '', usersConf = ''] = blocks('hjson');
const run = promisify(execFile);

let folder = '';
let lab: Lab | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ratatoskr-author-'));
});
afterEach(async () => {
  await lab?.close();
  lab = undefined;
  rmSync(folder, { recursive: true });
});

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
}

/** Types what a block of the page says into a shell. @returns standard output */
async function type(cwd: string, block: string | undefined): Promise<string> {
  // Of the runner’s own npm and vitest nothing may show.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/.test(name)));
  const { stdout } = await run('bash', ['-euc', block ?? 'false'], { cwd, env });
  return stdout;
}

/** Before anything is published a file stands in for it, and what is known already is not asked for again. */
function installing(block: string | undefined, files: readonly string[]): string {
  const install = `npm install --no-save --no-audit --no-fund --prefer-offline ${files.join(' ')}`;
  return (block ?? '').replace(/^npm install.*$/m, install).replace('npm publish', 'npm pack');
}

it('the commands of docs/plugins.md lead from an empty folder to a package that others install', {
  timeout: 300_000,
}, async () => {
  const [begin, attempt = '', publish, install] = commands;
  await type(root, `npm pack --pack-destination ${folder}`);
  const agent = join(folder, `ratatoskr-${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}.tgz`);
  await type(folder, installing('npm install', [agent]));

  expect(await type(folder, installing(begin, [agent]))).toMatch(/^. fail 0$/m);
  const mine = join(folder, 'ratatoskr-strategy-public-port');
  writeFileSync(join(mine, 'try.conf'), tryConf);
  const [look = '', go] = attempt.trim().split('\n');
  expect(go).toBe('npx ratatoskr run --config try.conf');
  expect(await type(mine, look)).toMatch(/^1 {2}public-port +0\.1\.0 +yes/m);

  await type(mine, installing(publish, []));
  const user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{}');
  writeFileSync(join(user, 'ratatoskr.conf'), usersConf);
  await type(user, installing(install, [agent, join(mine, 'ratatoskr-strategy-public-port-0.1.0.tgz')]));
  expect(await type(user, 'npx ratatoskr config --check ratatoskr.conf')).toContain('OK');
});

it('the strategy that `ratatoskr plugin new` writes bridges two hosts, one of which can be reached', async () => {
  const mine = join(folder, 'mine');
  await writePlugin(mine, { strategy: 'public-port', packageName: 'ratatoskr-strategy-public-port', license: 'MIT' });
  mkdirSync(join(mine, 'node_modules', '@types'), { recursive: true });
  symlinkSync(root, join(mine, 'node_modules', 'ratatoskr'));
  for (const name of ['zod', '@types/node']) symlinkSync(join(root, 'node_modules', name), join(mine, 'node_modules', name));
  await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--project', mine]);
  writeFileSync(join(mine, 'try.conf'), tryConf);

  lab = await Lab.create({ a: 'public', b: 'sym', links });
  const args = ['--config', join(mine, 'try.conf')];
  const [a, b] = [lab.a.agent({ args }), lab.b.agent({ args })];
  expect(await a.event('plugin.loaded')).toMatchObject({ plugin: './', strategy: 'public-port', version: '0.1.0' });
  await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
  await lab.settled();
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  const up = await b.event('bridge.up', { where: ({ strategy }) => strategy === 'public-port' });
  await ping.stop();
  expect(up).toMatchObject({ kind: 'direct', remote: expect.stringContaining(`${lab.a.address}:`) });
  expect([(await a.terminate()).code, (await b.terminate()).code]).toEqual([0, 0]);
});
