import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { StrategyRow } from '../../src/cli/strategies.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-strategies-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'test.conf');
writeFileSync(file, 'strategies: [ "relay" ]');

const good: StrategyRow = {
  order: 1,
  name: 'relay',
  origin: 'built-in',
  version: '1.0.0',
  enabled: true,
  usable: 'unknown',
  reason: 'No TURN server.',
};
const broken: StrategyRow = {
  order: 2,
  name: './mine',
  origin: 'path',
  file: '/mine/index.js',
  enabled: true,
  usable: 'no',
  reason: './mine has no function create.',
  code: 'PLUGIN_INVALID',
  help: 'Write one.',
};

async function ratatoskr(args: readonly string[], rows: readonly StrategyRow[] = [good]) {
  const asked: { uses: readonly string[]; folder: string }[] = [];
  const told = await runCommand(args, {
    survey: async ({ strategies }, configFolder) => {
      asked.push({ uses: strategies.map(({ use }) => use), folder: configFolder });
      return rows;
    },
  });
  return { ...told, asked };
}

describe('ratatoskr strategies', () => {
  test('looks at those of the configuration, and for plugins in its folder', async () => {
    expect((await ratatoskr(['strategies', '--config', file])).asked).toEqual([{ uses: ['relay'], folder }]);
  });

  test('without a configuration looks for plugins in the current folder', async () => {
    expect((await ratatoskr(['strategies', '--config', '-'])).asked).toMatchObject([{ folder: process.cwd() }]);
  });

  test('shows a table with the reasons', async () => {
    const { out, code } = await ratatoskr(['strategies', '--config', file]);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '   STRATEGY  VERSION  ENABLED  USABLE   ORIGIN',
      '1  relay     1.0.0    yes      unknown  built-in',
      '   No TURN server.',
      '',
    ]);
  });

  test('shows JSON when asked', async () => {
    const { out } = await ratatoskr(['strategies', '--config', file, '--json']);
    expect(JSON.parse(out)).toEqual([good]);
  });

  test('ends with 1 when an enabled one could not be loaded, and says why and what to do', async () => {
    const { out, code } = await ratatoskr(['strategies', '--config', file], [good, broken]);
    expect(code).toBe(1);
    expect(out).toContain('./mine has no function create. (PLUGIN_INVALID)\n   → Write one.\n');
  });

  test('ends with 3 when the configuration is wrong', async () => {
    expect((await ratatoskr(['strategies', '--config', path.join(folder, 'none.conf')])).code).toBe(3);
  });
});
