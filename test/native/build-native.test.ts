import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const build = (...args: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url)), ...args], {
    encoding: 'utf8',
    env: { ...process.env, CXX: 'no-such-compiler' },
  });

it('fails without a compiler, and names it', () => {
  const { status, stderr } = build();
  expect(status).toBe(1);
  expect(stderr).toContain('no C++ compiler (looked for no-such-compiler)');
});

it('forgives that when the addon is optional, and says what is lost', () => {
  const { status, stderr } = build('--optional');
  expect(status).toBe(0);
  expect(stderr).toContain('The agent runs without it, but');
});
