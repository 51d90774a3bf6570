import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentOptions, AgentProcess } from './agent-process.js';
import { LabError } from './lab-error.js';
import { Namespaces } from './namespaces.js';
import { type PingOptions, type PingReport, PingStream, parsePing, pingCommand } from './ping.js';
import { LabProcess } from './process.js';
import type { RouterProcess } from './router-process.js';

/** A computer of the laboratory: a network namespace, a folder of files and what runs there. */
export class Host {
  /** Files, as those outside reach them. */
  readonly folder: string;
  /** The same folder as programs on the host see it. */
  readonly insideFolder: string;
  private startedRouter: RouterProcess | undefined;
  private processes = 0;

  constructor(
    private readonly namespaces: Namespaces,
    /** Its network namespace: `ha`, `hb`, `p`, or a router's. */
    readonly name: string,
    /** IPv4 address of its only interface. */
    readonly address: string,
  ) {
    this.folder = join(namespaces.folder, name);
    this.insideFolder = join(Namespaces.folder, name);
    mkdirSync(this.folder, { recursive: true });
  }

  /** Its yggdrasil. @throws LabError in a laboratory without routers */
  get router(): RouterProcess {
    if (this.startedRouter === undefined) throw new LabError(`${this.name} runs no router`);
    return this.startedRouter;
  }

  set router(router: RouterProcess) {
    this.startedRouter = router;
  }

  /** The command that runs `argv` here when it is given outside. */
  command(argv: readonly string[]): string[] {
    return this.namespaces.enter(this.name, argv);
  }

  /** Runs a command to its end. @returns its stdout. @throws LabError with its stderr when it fails */
  exec(argv: readonly string[], { timeoutMs = 30_000, input }: { timeoutMs?: number; input?: string } = {}): Promise<string> {
    const [file = '', ...args] = this.command(argv);
    return new Promise((resolve, reject) => {
      const child = execFile(file, args, { timeout: timeoutMs, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(
            new LabError(`${this.name}: \`${argv.join(' ')}\` failed with ${error.code ?? error.signal}: ${stderr.trim()}`, {
              cause: error,
            }),
          );
      });
      // A command may end without reading what it is given.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
    });
  }

  /** Starts a command that goes on; the end of the laboratory is its end at the latest. */
  spawn(argv: readonly string[], { name = argv[0] ?? '', env }: { name?: string; env?: NodeJS.ProcessEnv } = {}): LabProcess {
    this.processes += 1;
    const logFile = join(this.folder, `${name}-${this.processes}.log`);
    return new LabProcess(`${name} on ${this.name}`, this.command(argv), logFile, { ...process.env, ...env });
  }

  /** Starts a ratatoskr for this host's router. */
  agent(options: AgentOptions = {}): AgentProcess {
    return new AgentProcess(this, options);
  }

  /** Pings and waits for what comes back. */
  async ping(address: string, options: PingOptions = {}): Promise<PingReport> {
    const ping = this.spawn(pingCommand(address, { count: 3, ...options }), { name: 'ping' });
    const lines: string[] = [];
    ping.read((line) => lines.push(line));
    await ping.exited;
    return parsePing(lines);
  }

  /** Pings until it is stopped. */
  pingStream(address: string, options: Omit<PingOptions, 'count'> = {}): PingStream {
    return new PingStream(this.spawn(pingCommand(address, options), { name: 'ping' }));
  }
}
