import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentEvents, EventName } from '../../src/core/events.js';
import type { Host } from './host.js';
import type { Exit, LabProcess } from './process.js';
import { publicAddresses } from './topology.js';

const builtHere = [
  process.execPath,
  process.env.RATATOSKR_LAB_AGENT ?? fileURLToPath(new URL('../../dist/cli.js', import.meta.url)),
] as const;

export interface AgentOptions {
  /** Node and the command line to run. @default this one, and what was built here */
  readonly program?: readonly string[];
  /** More arguments of `ratatoskr run`. */
  readonly args?: readonly string[];
  /** STUN server, or `none`. @default the public peer */
  readonly stun?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A line of an agent's log: an event and its fields. */
export type AgentLine<Name extends EventName = EventName> = {
  [Each in Name]: { readonly event: Each; readonly time: number; readonly level: string } & Readonly<AgentEvents[Each]>;
}[Name];

export interface EventWait<Name extends EventName> {
  /** @default 30000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Which of them; the first when absent. */
  readonly where?: (line: AgentLine<Name>) => boolean;
  /** Only what came after this line. */
  readonly after?: AgentLine;
}

/** A ratatoskr that runs on a host, and what it says. Its state stays on the host, for the next one started there. */
export class AgentProcess {
  /** All events so far, in order. */
  readonly events: AgentLine[] = [];
  private readonly process: LabProcess;
  private readonly runtimeFolder: string;

  constructor(
    private readonly host: Host,
    { program = builtHere, args = [], stun = `${publicAddresses[0]}:3478`, env = {} }: AgentOptions,
  ) {
    this.runtimeFolder = join(host.folder, 'run');
    for (const folder of ['state', 'run']) mkdirSync(join(host.folder, folder), { recursive: true, mode: 0o700 });
    const where = ['--admin', host.router.adminUri, '--stun', stun];
    const folders = ['--state-dir', `${host.insideFolder}/state`, '--runtime-dir', `${host.insideFolder}/run`];
    const logs = ['--log-format', 'json', '--log-level', 'debug'];
    const argv = [...program, 'run', ...where, ...folders, ...logs, ...args];
    this.process = host.spawn(argv, { name: 'agent', env });
    this.process.read((line) => {
      const parsed = parseLine(line);
      if (parsed !== undefined) this.events.push(parsed);
    });
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.process.exit;
  }

  /** The first event of that name, said already or yet to come. @throws LabError with the agent's last lines */
  event<Name extends EventName>(name: Name, options: EventWait<Name> = {}): Promise<AgentLine<Name>> {
    const { timeoutMs = 30_000, signal, where = () => true, after } = options;
    const start = after === undefined ? 0 : this.events.indexOf(after) + 1;
    let next = 0;
    const find = (line: string): AgentLine<Name> | undefined => {
      if (parseLine(line) === undefined) return undefined;
      const index = next++;
      const event = this.events[index];
      if (index < start || event?.event !== name) return undefined;
      const named = event as AgentLine<Name>;
      return where(named) ? named : undefined;
    };
    return this.process.line(name, find, { timeoutMs, ...(signal ? { signal } : {}) });
  }

  /** Calls `reader` for every event from the first on. @returns a function that ends it */
  read(reader: (line: AgentLine) => void): () => void {
    return this.process.read((line) => {
      const parsed = parseLine(line);
      if (parsed !== undefined) reader(parsed);
    });
  }

  /** Its last lines, for messages. */
  tail(count?: number): string {
    return this.process.tail(count);
  }

  /** Asks it to end in an orderly way. */
  terminate(): Promise<Exit> {
    return this.process.stop('SIGTERM');
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): Promise<void> {
    return this.process.kill(signal);
  }

  /** As {@link LabProcess.cpuSeconds}. */
  cpuSeconds(): Promise<number> {
    return this.process.cpuSeconds();
  }

  kill9(): Promise<Exit> {
    return this.process.stop('SIGKILL');
  }

  /** Peerings that an agent added to the host's router, as URIs. */
  async bridges(): Promise<readonly string[]> {
    const uris = (await this.host.router.peers()).flatMap(({ remote }) => remote ?? []);
    return uris.filter((uri) => uri.startsWith('unix://') || uri.startsWith('tcp://127.0.0.1:'));
  }

  /** Files in its runtime folder, sorted. */
  runtimeFiles(): readonly string[] {
    return existsSync(this.runtimeFolder) ? readdirSync(this.runtimeFolder, { recursive: true }).map(String).sort() : [];
  }
}

/** What is no JSON is no event: Node's own warnings, a stack. */
function parseLine(line: string): AgentLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed = JSON.parse(line) as { event?: unknown; time?: unknown };
    if (typeof parsed.event !== 'string') return undefined;
    // Loggers spell time in milliseconds or as ISO 8601.
    return { ...parsed, time: typeof parsed.time === 'string' ? Date.parse(parsed.time) : parsed.time } as AgentLine;
  } catch {
    return undefined;
  }
}
