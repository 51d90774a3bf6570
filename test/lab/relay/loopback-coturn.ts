import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { poll } from '../poll.js';

export interface LoopbackCoturnOptions {
  /** @default '127.0.0.1' */
  readonly address?: string;
  /** Arguments about users. @default the user lab with the password lab */
  readonly users?: readonly string[];
  /** @default no TLS */
  readonly extra?: readonly string[];
  /** One that is free, or that another one had. @default any */
  readonly port?: number;
}

/** A coturn on loopback that relays to loopback, and tells of every allocation. */
export class LoopbackCoturn {
  private readonly lines: string[] = [];

  private constructor(
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {
    if (process.stdout) createInterface({ input: process.stdout }).on('line', (line) => this.lines.push(line));
  }

  /** Resolves when it answers. */
  static async start(options: LoopbackCoturnOptions = {}): Promise<LoopbackCoturn> {
    const { address = '127.0.0.1', extra = ['--no-tls'], users = ['--lt-cred-mech', '--user=lab:lab'] } = options;
    const port = options.port ?? (await freePort());
    const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-coturn-'));
    const files = [`--userdb=${folder}/db`, `--pidfile=${folder}/pid`, '--log-file=stdout'];
    const base = ['-n', '-v', '-L', address, '-p', `${port}`, '--realm=lab', '--no-cli', '--no-dtls', '--allow-loopback-peers'];
    const child = spawn('turnserver', [...base, ...users, ...extra, ...files], { stdio: ['ignore', 'pipe', 'ignore'] });
    const coturn = new LoopbackCoturn(port, child, folder);
    await poll('coturn is ready', () => coturn.lines.some((line) => line.includes('Total General servers')) || undefined);
    return coturn;
  }

  /** Allocations that were made and have not ended. */
  get allocations(): number {
    return this.count(/: new, realm=/) - this.count(/: delete: realm=/);
  }

  /** Refreshes that it has granted. */
  get refreshes(): number {
    return this.count(/: refreshed, realm=/);
  }

  /** Kills it, as a machine does that goes away. */
  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length;
  }
}

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
