import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

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
