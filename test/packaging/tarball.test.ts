import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeOf, Prefix, packed } from './prefix.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-tarball-'));
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
let tarball: string;
beforeAll(() => {
  tarball = packed(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['publint', ['node_modules/publint/src/cli.js', '--strict']],
  ['attw', ['node_modules/@arethetypeswrong/cli/dist/index.js', '--profile', 'esm-only', '--no-emoji']],
])('%s finds nothing wrong with it', (_, [program = '', ...args]) => {
  const { status, stdout } = spawnSync(process.execPath, [program, tarball, ...args], { encoding: 'utf8' });
  expect(status, stdout).toBe(0);
});

describe.each([20, 22, 24])('on Node %i, with no compiler', (major) => {
  let prefix: Prefix;
  beforeAll(() => {
    prefix = new Prefix(path.join(folder, `prefix-${major}`), nodeOf(major), tarball);
  });

  it('the command runs', () => {
    expect(prefix.ratatoskr('--version').trim()).toBe(version);
  });

  it('the native addon and udx load', () => {
    const source = `import { loadAddon } from './dist/native/addon.js';
      import { loadUdx } from './dist/native/udx/load-udx.js';
      console.log(process.versions.node.split('.')[0], loadAddon({}).reason, loadUdx().reason);`;
    expect(prefix.evaluate(source).trim()).toBe(`${major} undefined undefined`);
  });

  it('the public modules can be imported', () => {
    const source = `import { defineStrategy } from 'ratatoskr'; import { strategyConformance } from 'ratatoskr/testing';
      console.log(typeof defineStrategy, typeof strategyConformance);`;
    expect(prefix.evaluate(source).trim()).toBe('function function');
  });

  it('nothing that our overrides mend for us alone is there', () => {
    const modules = path.join(prefix.folder, 'lib/node_modules/ratatoskr/node_modules');
    const { overrides } = JSON.parse(readFileSync('package.json', 'utf8')) as { overrides: Record<string, string> };
    expect(readdirSync(modules).filter((name) => Object.hasOwn(overrides, name))).toEqual([]);
  });
});
