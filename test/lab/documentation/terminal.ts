import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../host.js';
import { LabError } from '../lab-error.js';
import type { LabProcess } from '../process.js';

const project = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const layers = '/run/lab/layers';
const newRoot = `${layers}/root`;
/** How long a command may take, in milliseconds. */
const patienceMs = 30_000;

/** What a command said, and how it ended: by itself, or in answer to SIGTERM. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Lays a file system over this machine's that ends with the laboratory, for {@link type} to write to. The project is at its own place in it,
 * and the current folder.
 */
export async function layFileSystem(host: Host): Promise<void> {
  const lay = (lower: string, name: string, target: string) =>
    `mkdir -p ${layers}/${name}/upper ${layers}/${name}/work ${target}
     mount -t overlay none -o 'lowerdir=${lower},upperdir=${layers}/${name}/upper,workdir=${layers}/${name}/work' '${target}'`;
  const script = `set -e; mkdir ${layers}; mount -t tmpfs none ${layers}
    ${lay('/', 'system', newRoot)}
    mount -t proc proc ${newRoot}/proc; mount --rbind /dev ${newRoot}/dev; mount --rbind /sys ${newRoot}/sys
    mount --rbind /run ${newRoot}/run
    ${lay(project, 'project', `${newRoot}${project}`)}`;
  await host.exec(['sh', '-c', script]);
}

/** Types a script into a shell of root's on a host, where the router and the agent are in the usual places. */
export async function type(host: Host, script: string): Promise<Outcome> {
  const process = begin(host, script);
  const timer = setTimeout(() => process.stop('SIGKILL').catch(() => undefined), patienceMs);
  const { code } = await process.exited;
  clearTimeout(timer);
  return { code, output: process.tail(200) };
}

/** The same with one that goes on: waits until it says `sign`, and asks it to end. @throws LabError when it does not say it */
export async function typeAndEnd(host: Host, script: string, sign: RegExp): Promise<Outcome> {
  // The shell outlives the signal, to tell how what it ran has ended. jq would keep what it has to say for later.
  const process = begin(host, `trap : TERM; echo "group $$"\n${script}`, ['stdbuf', '-oL']);
  const group = await process.line('shell', (line) => /^group (\d+)$/.exec(line)?.[1]);
  try {
    await process.line(`${sign}`, (line) => sign.test(line) || undefined);
    await host.exec(['kill', '-TERM', '--', `-${group}`]);
    const patience = setTimeout(() => process.stop('SIGKILL').catch(() => undefined), 4000);
    const { code } = await process.exited;
    clearTimeout(patience);
    return { code, output: process.tail(200) };
  } finally {
    await host.exec(['kill', '-KILL', '--', `-${group}`]).catch(() => undefined);
  }
}

/** The same with one that goes on until the laboratory ends. @throws LabError when it does not say `sign` */
export async function typeAndLeave(host: Host, script: string, sign: RegExp): Promise<void> {
  await begin(host, script).line(`${sign}`, (line) => sign.test(line) || undefined);
}

function begin(host: Host, script: string, before: readonly string[] = []): LabProcess {
  for (const name of ['run', 'state']) mkdirSync(join(host.folder, name), { recursive: true, mode: 0o700 });
  try {
    symlinkSync('admin.sock', join(host.folder, 'yggdrasil.sock'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new LabError('no link to the router', { cause: error });
  }
  const bind = (source: string, target: string) => `mkdir -p ${newRoot}${target}; mount --bind ${source} ${newRoot}${target}`;
  const enter = `set -e
    ${bind(host.insideFolder, '/run/yggdrasil')}
    ${bind(`${host.insideFolder}/run`, '/run/ratatoskr')}
    ${bind(`${host.insideFolder}/state`, '/var/lib/ratatoskr')}
    mount --rbind ${newRoot} ${newRoot}; cd ${newRoot}; pivot_root . .; umount -l .
    exec setsid "$@"`;
  // Of the runner's own npm and vitest nothing may show. Whoever is root needs no sudo, and may have none.
  const prelude = `for name in $(compgen -e | grep -E '^(npm_|NODE_|VITEST)'); do unset "$name"; done
    sudo() { "$@"; }
    cd '${project}'`;
  const shell = [...before, 'bash', '-euo', 'pipefail', '-c', `${prelude}\n${script}`];
  return host.spawn(['unshare', '--mount', 'sh', '-c', enter, 'sh', ...shell], { name: 'terminal' });
}
