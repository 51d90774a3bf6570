import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { LabError } from './lab-error.js';

/** Capability to make namespaces without a user namespace (capabilities(7)). */
const capSysAdmin = 1n << 21n;

/**
 * Network namespaces of our own, held by one process: the first of a PID namespace, whose stdin is a pipe from us. When we end,
 * in whatever way, that pipe closes, the process ends, and the kernel takes every process, interface, mount and file of the
 * laboratory with it. Names are private too, so laboratories run side by side. Needs no root where user namespaces are allowed.
 */
export class Namespaces {
  /** Where the laboratory's files are, for those inside; they vanish with it. */
  static readonly folder = '/run/lab';

  private constructor(
    private readonly holder: ChildProcess,
    /** The holding process, as seen from outside. */
    readonly pid: number,
    private readonly userNamespace: boolean,
  ) {}

  static async open(): Promise<Namespaces> {
    const userNamespace = !hasCapability(capSysAdmin);
    const rights = userNamespace ? ['--user', '--map-root-user'] : [];
    const hold = `mount -t tmpfs none /run && mkdir -p /run/netns ${Namespaces.folder} && echo ready && exec cat`;
    const unshare = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', hold];
    const holder = spawn('unshare', [...rights, ...unshare], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const complaint: string[] = [];
    holder.stderr.on('data', (chunk) => complaint.push(String(chunk)));
    const failed = Promise.race([
      once(holder, 'close').then(() => complaint.join('').trim()),
      once(holder, 'error').then(([error]) => String(error)),
    ]);
    const first = await Promise.race([once(holder.stdout, 'data'), failed]);
    if (typeof first === 'string') throw new LabError(`Cannot make namespaces: ${first}`);
    // Neither our event loop nor an error on a pipe to the dead may depend on the holder.
    holder.stdin.on('error', () => undefined);
    holder.stdout.resume();
    return new Namespaces(holder, childOf(holder.pid ?? 0) ?? 0, userNamespace);
  }

  /** {@link folder} as those outside reach it. */
  get folder(): string {
    return `/proc/${this.pid}/root${Namespaces.folder}`;
  }

  /** The command that runs `argv` in the namespace `name`, or in the holder's own. */
  enter(name: string | undefined, argv: readonly string[]): string[] {
    const net = name === undefined ? '--net' : `--net=/proc/${this.pid}/root/run/netns/${name}`;
    const user = this.userNamespace ? ['-U', '--preserve-credentials'] : [];
    return ['nsenter', '-t', String(this.pid), ...user, '-m', '-p', net, '--', ...argv];
  }

  async close(): Promise<void> {
    if (this.holder.exitCode !== null || this.holder.signalCode !== null) return;
    const closed = once(this.holder, 'close');
    this.holder.stdin?.end();
    // Processes of the namespace are dead before its first one is reaped (pid_namespaces(7)).
    await closed;
  }
}

/** The only child of a process that forks once, such as unshare and nsenter. */
export function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return child ? Number(child) : undefined;
  } catch {
    return undefined;
  }
}

function hasCapability(capability: bigint): boolean {
  const effective = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) & capability) !== 0n;
}
