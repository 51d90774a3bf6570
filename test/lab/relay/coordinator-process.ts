import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../host.js';
import type { LabProcess } from '../process.js';

const program = process.env.RATATOSKR_LAB_AGENT ?? fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** A `ratatoskr coordinator` on a host. */
export class CoordinatorProcess {
  private constructor(
    private readonly host: Host,
    /** Where agents reach it, `address:port`. */
    readonly place: string,
    private readonly process: LabProcess,
  ) {}

  /** Resolves when it listens. */
  static async start(host: Host, place: string): Promise<CoordinatorProcess> {
    const argv = [process.execPath, program, 'coordinator', '--listen', place, '--log-format', 'json', ...stateOf(host)];
    const running = host.spawn(argv, { name: `coordinator-${place}` });
    await running.line('sign of readiness', (line) => line.includes('"coordinator.ready"') || undefined);
    return new CoordinatorProcess(host, place, running);
  }

  /** An invite for the agent whose router has this key. */
  async invite(key: string): Promise<string> {
    const argv = [process.execPath, program, 'coordinator', 'invite', key, '--advertise', this.place, ...stateOf(this.host)];
    return (await this.host.exec(argv)).trim();
  }

  async kill9(): Promise<void> {
    await this.process.stop('SIGKILL');
  }
}

function stateOf(host: Host): readonly string[] {
  return ['--state-dir', join(host.insideFolder, 'coordinator-state')];
}
