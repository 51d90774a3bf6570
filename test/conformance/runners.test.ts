import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** Runs node:test. @returns its counts by their names */
async function nodeTest(cwd: string, ...args: string[]): Promise<Record<string, number>> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const command = [...args.slice(0, -1), '--test', '--test-reporter=tap', ...args.slice(-1)];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd, env }).catch(
    (failure: { stdout: string; stderr: string }) => failure,
  );
  const counts = [...stdout.matchAll(/^# (pass|fail|skipped) (\d+)$/gm)].map(([, name = '', count]) => [name, Number(count)]);
  const failures = stdout.split('\n').filter((line) => /^ *not ok/.test(line));
  expect(failures, stdout.slice(0, 4000)).toEqual([]);
  return Object.fromEntries(counts) as Record<string, number>;
}

it('runs under node:test', async () => {
  const counts = await nodeTest(root, '--import', 'tsx', 'test/conformance/node-test.ts');
  expect(counts).toEqual({ pass: 19, fail: 0, skipped: 7 });
});

it('passes with the strategy that docs/plugins.md shows, tested as the page says', async () => {
  const page = await readFile(join(root, 'docs', 'plugins.md'), 'utf8');
  const [index = '', test = ''] = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const folder = await mkdtemp(join(tmpdir(), 'ratatoskr-author-'));
  folders.push(folder);
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules', 'ratatoskr'));
  await symlink(join(root, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', exports: './index.js' }));
  await writeFile(join(folder, 'index.js'), index);
  await writeFile(join(folder, 'index.test.js'), test);
  const counts = await nodeTest(folder, 'index.test.js');
  expect(counts).toMatchObject({ pass: 18, fail: 0, skipped: 8 });
});
