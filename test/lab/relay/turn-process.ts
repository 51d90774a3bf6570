import type { Host } from '../host.js';
import type { LabProcess } from '../process.js';
import type { TurnClock } from './turn-clock.js';

export interface TurnOptions {
  /** One of the host's addresses. */
  readonly address: string;
  /** Arguments about users. @default the user lab with the password lab */
  readonly users?: readonly string[];
  /** Arguments about TLS. @default none is spoken */
  readonly tls?: readonly string[];
  readonly extra?: readonly string[];
  /** @default the machine's */
  readonly clock?: TurnClock;
}

/** As coturn has it (RFC 8656 §7.2). */
const lowestRelayedPort = 49_152;

/** A coturn of its own, that tells of every allocation. */
export class TurnProcess {
  private constructor(
    private readonly host: Host,
    private readonly process: LabProcess,
  ) {}

  /** Resolves when it answers. */
  static async start(host: Host, options: TurnOptions): Promise<TurnProcess> {
    const { address, users = ['--lt-cred-mech', '--user=lab:lab'], tls = ['--no-tls'], extra = [], clock } = options;
    const files = ['db', 'pid'].map(
      (kind) => `--${kind === 'db' ? 'userdb' : 'pidfile'}=${host.insideFolder}/turn-${address}.${kind}`,
    );
    const base = ['turnserver', '-n', '-v', '-p', '3478', '-L', address, '--realm=lab', '--fingerprint', '--no-cli', '--no-dtls'];
    const argv = [...(clock?.command ?? []), ...base, ...users, ...tls, ...extra, ...files, '--log-file=stdout'];
    const process = host.spawn(argv, { name: `turn-${address}` });
    await process.line('sign of readiness', (line) => line.includes('Total General servers') || undefined);
    return new TurnProcess(host, process);
  }

  /** Allocations that were made and have not ended. */
  get allocations(): number {
    let open = 0;
    this.process.read((line) => {
      if (/: new, realm=/.test(line)) open += 1;
      if (/: delete: realm=/.test(line)) open -= 1;
    })();
    return open;
  }

  /** Sockets at relayed addresses, as the kernel tells: what is left of allocations, and of connections through them. */
  async relayedSockets(): Promise<readonly string[]> {
    const sockets = await this.host.exec([
      'ss',
      '--no-header',
      '--tcp',
      '--udp',
      '--all',
      '--numeric',
      `sport >= :${lowestRelayedPort}`,
    ]);
    return sockets.split('\n').filter((line) => line !== '' && !line.startsWith('TIME-WAIT'));
  }

  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  tail(count?: number): string {
    return this.process.tail(count);
  }
}
