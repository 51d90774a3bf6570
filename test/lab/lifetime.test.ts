import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { labTools } from '../../scripts/setup/lab-tools.mjs';
import { poll } from './poll.js';

interface Report {
  readonly pid: number;
  readonly pidNamespace: string;
  readonly uid: number;
  readonly capabilities: string;
  readonly received: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixture = 'test/lab/abandoned-lab.ts';
let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

it('nothing of a laboratory survives the kill -9 of its process', async () => {
  child = spawn(process.execPath, ['--import', 'tsx', fixture], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const { pidNamespace } = await firstReport(child);
  // The holder, two hosts' worth of routers, the public peer's, coturn and the emulator.
  expect(processesIn(pidNamespace).length).toBeGreaterThan(5);
  child.kill('SIGKILL');
  await poll('all its processes are gone', () => (processesIn(pidNamespace).length === 0 ? true : undefined));
});

it.skipIf(process.getuid?.() !== 0)('an unprivileged user can build the laboratory', async () => {
  const { yggdrasil, linkEmulator } = await labTools();
  const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-unprivileged-'));
  try {
    // All of it in a mount namespace of its own: a /dev/net/tun that anyone may open, and everything that is run, on paths
    // that anyone may walk.
    const bind = (source: string, target: string) => `mkdir ${target} && mount --bind ${quote(source)} ${target}`;
    const bindFile = (source: string, target: string) => `touch ${target} && mount --bind ${quote(source)} ${target}`;
    const script = [
      'set -e',
      `mount -t tmpfs -o mode=755,dev none ${folder}`,
      `chmod 755 ${folder}`,
      `mknod -m 666 ${folder}/tun c 10 200`,
      `mount --bind ${folder}/tun /dev/net/tun`,
      bind(root, `${folder}/project`),
      bind(dirname(process.execPath), `${folder}/node`),
      bindFile(yggdrasil, `${folder}/yggdrasil`),
      bindFile(linkEmulator, `${folder}/link-emulator`),
      `cd ${folder}/project`,
      `exec env HOME=/ RATATOSKR_LAB_YGGDRASIL=${folder}/yggdrasil RATATOSKR_LAB_LINK_EMULATOR=${folder}/link-emulator TSX_DISABLE_CACHE=1 \\`,
      `  setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all \\`,
      `  ${folder}/node/node --import tsx ${fixture} --close`,
    ].join('\n');
    writeFileSync(join(folder, 'run.sh'), script);
    child = spawn('unshare', ['--mount', 'sh', join(folder, 'run.sh')], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, complaint] = await Promise.all([
      text(child.stdout ?? emptyStream()),
      text(child.stderr ?? emptyStream()),
      once(child, 'close'),
    ]);
    expect(complaint).toBe('');
    expect(JSON.parse(output)).toMatchObject({ uid: 65_534, capabilities: '0000000000000000', received: 1 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function firstReport({ stdout }: ChildProcess): Promise<Report> {
  const [line] = await once(createInterface({ input: stdout ?? emptyStream() }), 'line', { signal: AbortSignal.timeout(30_000) });
  return JSON.parse(String(line)) as Report;
}

function emptyStream(): never {
  throw new Error('a child without pipes');
}

/** Processes of a PID namespace, found from outside. */
function processesIn(pidNamespace: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readlinkSync(`/proc/${entry}/ns/pid`) === pidNamespace;
    } catch {
      return false;
    }
  });
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
