import type { Host } from '../host.js';
import type { LabProcess } from '../process.js';

export interface TurnOptions {
  /** One of the host's addresses. */
  readonly address: string;
  /** Arguments about users. @default the user lab with the password lab */
  readonly users?: readonly string[];
  /** Arguments about TLS. @default none is spoken */
  readonly tls?: readonly string[];
  readonly extra?: readonly string[];
}

/** A coturn of its own, that tells of every allocation. */
export class TurnProcess {
  private constructor(private readonly process: LabProcess) {}

  /** Resolves when it answers. */
  static async start(host: Host, options: TurnOptions): Promise<TurnProcess> {
    const { address, users = ['--lt-cred-mech', '--user=lab:lab'], tls = ['--no-tls'], extra = [] } = options;
    const files = ['db', 'pid'].map(
      (kind) => `--${kind === 'db' ? 'userdb' : 'pidfile'}=${host.insideFolder}/turn-${address}.${kind}`,
    );
    const base = ['turnserver', '-n', '-v', '-p', '3478', '-L', address, '--realm=lab', '--fingerprint', '--no-cli', '--no-dtls'];
    const process = host.spawn([...base, ...users, ...tls, ...extra, ...files, '--log-file=stdout'], { name: `turn-${address}` });
    await process.line('sign of readiness', (line) => line.includes('Total General servers') || undefined);
    return new TurnProcess(process);
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

  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  tail(count?: number): string {
    return this.process.tail(count);
  }
}
