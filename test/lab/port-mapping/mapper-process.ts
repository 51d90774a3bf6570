import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Host } from '../host.js';
import type { Exit, LabProcess } from '../process.js';

const program = fileURLToPath(new URL('map-port.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

export interface MapperOptions {
  /** 0 only recovers. */
  readonly port: number;
  readonly lifetimeSeconds?: number;
  readonly checkIntervalMs?: number;
  readonly family?: 4 | 6;
}

export interface MapperLine {
  readonly event: string;
  readonly external?: { readonly address: string; readonly port: number };
  readonly protocol?: string;
  readonly code?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly afterMs?: number;
  readonly removed?: number;
}

/** A port mapper that runs on a host, and what it says. Its journal stays on the host, for the next one started there. */
export class MapperProcess {
  private readonly process: LabProcess;

  constructor(host: Host, options: MapperOptions) {
    mkdirSync(`${host.folder}/state`, { recursive: true });
    const parameters = JSON.stringify({ stateDir: `${host.insideFolder}/state`, ...options });
    this.process = host.spawn([process.execPath, '--import', tsx, program, parameters], { name: 'map-port' });
  }

  /** The first line of that event, said already or yet to come. */
  event(name: string, where: (line: MapperLine) => boolean = () => true): Promise<MapperLine> {
    const find = (text: string) => {
      const line = text.startsWith('{') ? (JSON.parse(text) as MapperLine) : undefined;
      return line?.event === name && where(line) ? line : undefined;
    };
    return this.process.line(name, find, { timeoutMs: 20_000 });
  }

  /** Lets it give back what it holds. */
  terminate(): Promise<Exit> {
    return this.process.stop('SIGTERM');
  }

  /** Lets it give the mapping back and serve on. */
  unmap(): Promise<void> {
    return this.process.kill('SIGUSR2');
  }

  kill9(): Promise<Exit> {
    return this.process.stop('SIGKILL');
  }

  tail(): string {
    return this.process.tail(40);
  }
}
