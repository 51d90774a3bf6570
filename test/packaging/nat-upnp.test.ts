import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPlugin } from '../../scripts/setup/tarball.mjs';

const name = 'ratatoskr-strategy-nat-upnp';

describe(`${name}, installed from its tarball`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-nat-upnp-'));
  const modules = path.join(folder, 'node_modules');
  beforeAll(() => {
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
    // Without its peer, which is ratatoskr. There is nothing to fetch for the rest.
    const args = ['install', '--legacy-peer-deps', '--prefer-offline', '--no-audit', '--no-fund', packPlugin(name, folder)];
    execFileSync('npm', args, { cwd: folder, stdio: 'pipe' });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('brings no other package', () => {
    expect(readdirSync(modules).filter((entry) => !entry.startsWith('.'))).toEqual([name]);
    expect(readdirSync(path.join(modules, name))).not.toContain('node_modules');
  });

  it('has a worker that needs none', async () => {
    const location = 'http://127.0.0.1/root.xml';
    const workerData = { gateway: '127.0.0.1', own: '127.0.0.1', location };
    const worker = new Worker(path.join(modules, name, 'dist/worker.cjs'), { workerData });
    try {
      expect(await once(worker, 'message')).toEqual([{ ready: true }]);
      worker.postMessage({ id: 1, request: { name: 'find' } });
      expect(await once(worker, 'message')).toEqual([{ id: 1, value: location }]);
    } finally {
      await worker.terminate();
    }
  });

  it('has the licences of what it contains', () => {
    const licences = readFileSync(path.join(modules, name, 'dist/LICENSES.txt'), 'utf8');
    expect(licences.match(/^(nat-upnp|sax|xml2js) \d+\.\d+\.\d+ /gm)).toHaveLength(3);
  });
});
