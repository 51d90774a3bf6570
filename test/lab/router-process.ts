import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Host } from './host.js';
import { LabError } from './lab-error.js';
import { poll } from './poll.js';
import type { LabProcess } from './process.js';

/** Key pair of a router, as its config and its Admin API spell them. */
export interface RouterKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export interface RouterPeerEntry {
  readonly remote?: string;
  readonly up: boolean;
  readonly inbound: boolean;
  readonly key?: string;
  readonly address?: string;
  /** Nanoseconds. */
  readonly latency?: number;
}

export interface RouterOptions {
  /** Path of yggdrasil. */
  readonly program: string;
  readonly key: RouterKey;
  readonly listen?: readonly string[];
  readonly peers?: readonly string[];
  /** What it tells whoever asks. */
  readonly nodeInfo?: object;
}

/** A host's yggdrasil. */
export class RouterProcess {
  /** Overlay address; known once it has started. */
  address = '';
  readonly key: string;
  /** Its admin socket, as programs on the host see it. */
  readonly adminUri: string;
  private readonly socket: string;
  private readonly argv: readonly string[];
  private process: LabProcess | undefined;

  constructor(
    private readonly host: Host,
    options: RouterOptions,
  ) {
    this.key = options.key.publicKey;
    this.adminUri = `unix://${host.insideFolder}/admin.sock`;
    this.socket = join(host.folder, 'admin.sock');
    const config = {
      PrivateKey: options.key.privateKey,
      AdminListen: this.adminUri,
      Listen: options.listen ?? [],
      Peers: options.peers ?? [],
      MulticastInterfaces: [],
      IfName: 'ygg0',
      ...(options.nodeInfo ? { NodeInfo: options.nodeInfo } : {}),
    };
    writeFileSync(join(host.folder, 'yggdrasil.conf'), JSON.stringify(config));
    this.argv = [options.program, '-useconffile', `${host.insideFolder}/yggdrasil.conf`];
  }

  /** Starts it, with the same key each time, and resolves when it answers. */
  async start(): Promise<void> {
    const process = this.host.spawn(this.argv, { name: 'yggdrasil' });
    this.process = process;
    // A request while it adds its handlers can end it (src/admin/admin.go, AddHandler without a lock); those of the TUN are its last.
    await process.line('TUN', (line) => line.includes('Interface MTU') || undefined, { timeoutMs: 10_000 });
    const self = await poll(`yggdrasil on ${this.host.name} answers`, async () => {
      if (process.exit !== undefined) throw new LabError(`yggdrasil on ${this.host.name} ended:\n${process.tail()}`);
      return (await this.admin('getself')) as { address: string };
    });
    this.address = self.address;
  }

  /** As {@link LabProcess.cpuSeconds}. */
  cpuSeconds(): Promise<number> {
    return this.process?.cpuSeconds() ?? Promise.reject(new LabError(`yggdrasil on ${this.host.name} runs not`));
  }

  /** Resolves when `count` of its peerings have ended their handshakes. */
  async connected(count = 1, signal?: AbortSignal): Promise<void> {
    await poll(
      `${this.host.name} has ${count} peers`,
      async () => ((await this.peers()).filter(({ up, key }) => up && key).length >= count ? true : undefined),
      { signal },
    );
  }

  /** Its last lines, for messages. */
  tail(): string {
    return this.process?.tail() ?? '';
  }

  stop(): Promise<unknown> {
    return this.process?.stop('SIGTERM') ?? Promise.resolve();
  }

  kill9(): Promise<unknown> {
    return this.process?.stop('SIGKILL') ?? Promise.resolve();
  }

  async peers(): Promise<readonly RouterPeerEntry[]> {
    return ((await this.admin('getpeers')) as { peers?: RouterPeerEntry[] }).peers ?? [];
  }

  async sessions(): Promise<readonly { readonly key: string; readonly address: string }[]> {
    return ((await this.admin('getsessions')) as { sessions?: { key: string; address: string }[] }).sessions ?? [];
  }

  /** One request to its Admin API. @returns the reply's `response`. @throws LabError when it refuses or cannot be reached */
  admin(request: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(this.socket);
      socket.setTimeout(8000, () => socket.destroy(new Error('no answer within 8000 ms')));
      socket.on('error', (error) => reject(new LabError(`${request} at ${this.host.name}: ${error.message}`, { cause: error })));
      socket.on('data', (chunk) => chunks.push(chunk));
      // Without keepalive the router closes after one reply.
      socket.on('end', () => {
        try {
          const reply = JSON.parse(Buffer.concat(chunks).toString()) as { status: string; error?: string; response: unknown };
          if (reply.status === 'success') resolve(reply.response);
          else reject(new LabError(`${request} at ${this.host.name}: ${reply.error}`));
        } catch (error) {
          reject(new LabError(`${request} at ${this.host.name}: no valid reply`, { cause: error }));
        }
      });
      socket.end(JSON.stringify({ request, arguments: args }));
    });
  }
}

/** RFC 8410: what comes before the 32 bytes of an Ed25519 private key. */
const privateKeyHeader = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Ed25519 keys as yggdrasil writes them: 64 hex digits the public one, the private one followed by it. Not by generateKeyPairSync: in Node 20
 * the export of its keys waits for itself when garbage collection sets in meanwhile.
 */
export function makeRouterKey(): RouterKey {
  const seed = randomBytes(32);
  const key = createPrivateKey({ key: Buffer.concat([privateKeyHeader, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  return { publicKey, privateKey: seed.toString('hex') + publicKey };
}
