import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
const children: Ratatoskr[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-process-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  rmSync(folder, { recursive: true });
});

/** The command line as a process of its own, with directories of its own and no router to find. */
class Ratatoskr {
  out = '';
  err = '';
  readonly exit: Promise<number | null>;
  readonly process: ChildProcess;
  private readonly watchers = new Set<() => void>();

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exit = new Promise((resolve) => this.process.once('close', (code) => resolve(code)));
    this.process.stdout?.on('data', (chunk) => {
      this.out += chunk;
      for (const watcher of this.watchers) watcher();
    });
    this.process.stderr?.on('data', (chunk) => {
      this.err += chunk;
    });
    children.push(this);
  }

  static run(...args: string[]): Ratatoskr {
    const directories = ['--state-dir', path.join(folder, 'state'), '--runtime-dir', path.join(folder, 'run')];
    // This machine's gateway is asked nothing.
    const alone = ['--admin', `unix://${folder}/none.sock`, '--strategies', 'tcp-hole-punching'];
    return new Ratatoskr('run', ...alone, ...directories, '--log-format', 'json', ...args);
  }

  /** Resolves once an event of this name has been logged; rejects when the process ends first. */
  logged(event: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.out.includes(`"event":"${event}"`)) resolve();
      };
      this.watchers.add(check);
      check();
      void this.exit.then((code) => reject(new Error(`exit code ${code} before ${event}: ${this.out}${this.err}`)));
    });
  }

  events(): string[] {
    return this.out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exit;
  }
}

describe('ratatoskr run', { timeout: 30_000 }, () => {
  test('waits for a router, and on SIGTERM stops in order, leaving no socket', async () => {
    const agent = Ratatoskr.run();
    await agent.logged('router.waiting');
    agent.process.kill('SIGTERM');
    expect(await agent.exit).toBe(0);
    expect(agent.events()).toEqual(['agent.started', 'router.waiting', 'agent.stopped']);
    expect(readdirSync(path.join(folder, 'run')).filter((name) => name.endsWith('.sock'))).toEqual([]);
    expect(agent.err).toBe('');
  });

  test('refuses to run beside another one, with exit code 4 and the reason', async () => {
    const first = Ratatoskr.run();
    await first.logged('agent.started');
    const second = Ratatoskr.run();
    expect(await second.exit).toBe(4);
    expect(second.out).toContain('ALREADY_RUNNING');
  });

  test('rereads its file on SIGHUP, and keeps the old configuration when the new one is wrong', async () => {
    const file = path.join(folder, 'x.conf');
    writeFileSync(file, 'stun: []');
    const agent = Ratatoskr.run('--config', file);
    await agent.logged('agent.started');
    writeFileSync(file, 'stun: ["nonsense"]');
    agent.process.kill('SIGHUP');
    await agent.logged('config.reload-failed');
    expect(agent.out).toContain('x.conf:1: stun[0]');
    writeFileSync(file, 'stun: ["example.org:3478"]');
    agent.process.kill('SIGHUP');
    await agent.logged('agent.reconfigured');
    agent.process.kill('SIGINT');
    expect(await agent.exit).toBe(0);
  });

  test('goes on when nobody reads its log any more', async () => {
    const agent = Ratatoskr.run('--log-level', 'debug');
    await agent.logged('agent.started');
    agent.process.stdout?.destroy();
    agent.process.kill('SIGHUP');
    agent.process.kill('SIGTERM');
    expect(await agent.exit).toBe(0);
    expect(agent.err).toBe('');
  });

  test('a wrong configuration ends with exit code 3 before anything runs', async () => {
    const file = path.join(folder, 'x.conf');
    writeFileSync(file, 'admni: auto');
    const agent = Ratatoskr.run('--config', file);
    expect(await agent.exit).toBe(3);
    expect(agent.out).toBe('');
    expect(agent.err).toContain('did you mean admin?');
  });
});

test('ratatoskr config does not crash when its reader has gone', { timeout: 30_000 }, async () => {
  const config = new Ratatoskr('config');
  config.process.stdout?.destroy();
  expect(await config.exit).toBe(0);
  expect(config.err).toBe('');
});
