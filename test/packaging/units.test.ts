import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!hasSystemd)('systemd counts the unit among those that are exposed little', () => {
  const args = ['security', '--offline=true', '--threshold=25', '--no-pager', 'packaging/systemd/ratatoskr.service'];
  const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  expect(status, stdout).toBe(0);
});

it.each([
  'packaging/openrc/ratatoskr',
  'packaging/openwrt/ratatoskr.init',
  ...['postinst', 'prerm', 'postrm'].map((name) => `packaging/debian/${name}`),
])('%s is a script that sh can read', (file) => {
  const { status, stderr } = spawnSync('sh', ['-n', file], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
