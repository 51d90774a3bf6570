import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { builtAddon } from './built-addon.js';

const addon = builtAddon();
const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-notify-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(ended));
  rmSync(folder, { recursive: true });
});

it.each(['a file', 'an abstract name'])('tells the service manager at %s', async (kind) => {
  const socket = kind === 'a file' ? path.join(folder, 'notify') : `@${folder}`;
  const heard = await listen(socket);
  addon.notify({ socket, state: 'STATUS=well' });
  expect((await heard.next()).value).toBe('STATUS=well');
});

it('throws what the system says of a socket that is not there', () => {
  expect(() => addon.notify({ socket: path.join(folder, 'none'), state: 'READY=1' })).toThrow(/sendto ENOENT/);
  expect(() => addon.notify({ socket: '/'.repeat(200), state: 'READY=1' })).toThrow(/ENAMETOOLONG/);
});

it('says that an agent is ready, lives, and stops', async () => {
  const socket = path.join(folder, 'notify');
  const heard = await listen(socket);
  const where = ['--admin', `unix://${folder}/none.sock`, '--state-dir', `${folder}/state`, '--runtime-dir', `${folder}/run`];
  const agent = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'run', ...where, '--strategies', 'tcp-hole-punching'], {
    cwd: root,
    env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '100000' },
    stdio: 'ignore',
  });
  children.push(agent);
  const states = [];
  for await (const state of heard) {
    if (states.push(state) === 3) agent.kill();
    if (state === 'STOPPING=1') break;
  }
  expect(states.slice(0, 3)).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
});

/** A service manager's end: what it is told, one by one. Node has no such sockets, perl is on every Debian. */
async function listen(socket: string): Promise<AsyncIterator<string> & AsyncIterable<string>> {
  const script = `use Socket; $| = 1; my ($at) = @ARGV; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!;
    $at =~ s/^@/\\0/; bind(S, pack_sockaddr_un($at)) or die $!; print "listening\\n";
    while (defined recv(S, my $state, 4096, 0)) { print "$state\\n" }`;
  const child = spawn('perl', ['-e', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('listening');
  return lines;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
