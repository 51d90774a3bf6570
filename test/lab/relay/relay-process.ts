import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RelayStatusReport, relayStatusSchema } from '../../../src/control/relay-schemas.js';
import type { Host } from '../host.js';
import type { LabProcess } from '../process.js';

const program = process.env.RATATOSKR_LAB_AGENT ?? fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** A line of a relay's log. */
type RelayLine = { readonly event: string; readonly circuits?: number; readonly bytes?: number };

/** A `ratatoskr relay` on a host. */
export class RelayProcess {
  private constructor(
    private readonly host: Host,
    /** Where agents reach it, `address:port`. */
    readonly place: string,
    private readonly process: LabProcess,
  ) {}

  /** Resolves when it listens. */
  static async start(host: Host, place: string): Promise<RelayProcess> {
    const argv = [process.execPath, program, 'relay', '--listen', place, '--state-dir', stateDir(host)];
    argv.push('--runtime-dir', runtimeDir(host, place), '--log-format', 'json');
    const running = host.spawn(argv, { name: `relay-${place}` });
    await running.line('sign of readiness', (line) => line.includes('"relay.ready"') || undefined);
    return new RelayProcess(host, place, running);
  }

  /** Drops all that the relay's address sends and receives from now on: nobody is told that it is gone. */
  async vanish(): Promise<void> {
    const [address] = this.place.split(':');
    const chain = (hook: string, side: string) =>
      `  chain ${hook} {\n    type filter hook ${hook} priority filter; policy accept;\n    ip ${side} ${address} drop\n  }`;
    const input = `table inet vanished {\n${chain('input', 'daddr')}\n${chain('output', 'saddr')}\n}`;
    await this.host.exec(['nft', '-f', '-'], { input });
  }

  /** An invite, for an agent's configuration. */
  async invite(name: string): Promise<string> {
    const { host, place } = this;
    const argv = [process.execPath, program, 'relay', 'invite', name, '--advertise', place, '--state-dir', stateDir(host)];
    return (await host.exec(argv)).trim();
  }

  /** What `ratatoskr status` says of it. */
  async status(): Promise<RelayStatusReport['relay']> {
    const { host, place } = this;
    const argv = [process.execPath, program, 'status', '--json', '--runtime-dir', runtimeDir(host, place)];
    return relayStatusSchema.parse(JSON.parse(await host.exec(argv))).relay;
  }

  /** What it has logged by that name. */
  lines(event: string): readonly RelayLine[] {
    const found: RelayLine[] = [];
    this.process.read((line) => {
      if (line.startsWith(`{`) && line.includes(`"event":"${event}"`)) found.push(JSON.parse(line) as RelayLine);
    })();
    return found;
  }

  /** @returns its exit code */
  async terminate(): Promise<number | null> {
    return (await this.process.stop('SIGTERM')).code;
  }

  async kill9(): Promise<void> {
    await this.process.stop('SIGKILL');
  }
}

/** Several on one host have a folder each. */
function runtimeDir(host: Host, place: string): string {
  return join(host.insideFolder, `relay-${place.replace(/[^0-9]/g, '-')}`);
}

function stateDir(host: Host): string {
  return join(host.insideFolder, 'relay-state');
}
