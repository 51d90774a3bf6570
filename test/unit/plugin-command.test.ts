import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-plugin-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ratatoskr = (...args: string[]) => runCommand(args);

function read(...names: string[]): string {
  return readFileSync(path.join(folder, ...names), 'utf8');
}

describe('ratatoskr plugin new', () => {
  test('writes a package, lists its files and says what comes next', async () => {
    const { code, out } = await ratatoskr('plugin', 'new', 'semaphore', '--dir', path.join(folder, 'flags'));
    expect(code).toBe(0);
    const files = [
      '.gitignore',
      'LICENSE',
      'README.md',
      'package.json',
      'src/index.ts',
      'test/conformance.test.js',
      'tsconfig.json',
    ];
    for (const file of files) expect(out).toContain(`${path.join(folder, 'flags', file)}\n`);
    expect(out).toContain('  npm install\n  npm test\n');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(JSON.parse(read('flags', 'package.json'))).toMatchObject({
      name: 'ratatoskr-strategy-semaphore',
      license: 'Apache-2.0',
      keywords: expect.arrayContaining(['ratatoskr-strategy']),
      peerDependencies: { ratatoskr: `^${version}` },
    });
    expect(read('flags', 'src', 'index.ts')).toContain("name: 'semaphore'");
    for (const file of files) expect(read('flags', file)).not.toMatch(/\{\{|\}\}/);
  });

  test('takes a scope, the prefix of packages and another license', async () => {
    const name = '@example/ratatoskr-strategy-smoke';
    expect((await ratatoskr('plugin', 'new', name, '--dir', path.join(folder, 'smoke'), '--license', 'MIT')).code).toBe(0);
    expect(JSON.parse(read('smoke', 'package.json'))).toMatchObject({ name, license: 'MIT' });
    expect(read('smoke', 'src', 'index.ts')).toContain("name: 'smoke'");
    expect(read('smoke', 'LICENSE')).toContain(`the authors of ${name}`);
  });

  test.each([
    'Semaphore',
    'two words',
    '-x',
    '..',
    'a/b',
    '../x',
    '@/x',
    '@scope/',
    '',
    "x'; boom",
    'x'.repeat(65),
    `@${'s'.repeat(200)}/x`,
    'ratatoskr-strategy-',
  ])('refuses the name %j and writes nothing', async (name) => {
    const dir = path.join(folder, 'refused');
    expect(await ratatoskr('plugin', 'new', '--dir', dir, '--', name)).toMatchObject({
      code: 2,
      err: expect.stringContaining('lower-case words joined by hyphens'),
    });
    expect(readdirSync(folder)).not.toContain('refused');
  });

  test('writes into an empty folder, and not where there is anything', async () => {
    const dir = path.join(folder, 'used');
    mkdirSync(dir);
    expect((await ratatoskr('plugin', 'new', 'drum', '--dir', dir)).code).toBe(0);
    writeFileSync(path.join(dir, 'package.json'), 'mine');
    const again = await ratatoskr('plugin', 'new', 'drum', '--dir', dir);
    expect(again).toMatchObject({ code: 3, err: expect.stringContaining('Nothing was written') });
    expect(read('used', 'package.json')).toBe('mine');
  });

  test('does not take a file for a folder', async () => {
    writeFileSync(path.join(folder, 'file'), 'mine');
    expect((await ratatoskr('plugin', 'new', 'drum', '--dir', path.join(folder, 'file'))).code).toBe(3);
    expect(read('file')).toBe('mine');
  });

  test('without a name is refused, and `ratatoskr plugin` shows help', async () => {
    expect((await ratatoskr('plugin', 'new')).code).toBe(2);
    const { code, err } = await ratatoskr('plugin');
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('new [options] <NAME>') });
    expect(await ratatoskr('plugin', 'old')).toMatchObject({ code: 2, err: expect.stringContaining("unknown command 'old'") });
  });
});
