import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { labTools } from '../../../scripts/setup/lab-tools.mjs';
import { AdminRouter } from '../../../src/core/admin/admin-router.js';
import { openPeerJournal } from '../../../src/core/admin/peer-journal.js';
import { systemClock } from '../../../src/core/clock.js';
import { systemRandom } from '../../../src/core/random.js';
import type { RouterPeer } from '../../../src/core/router.js';
import { createSystemNet } from '../../../src/native/system-net.js';
import { EventRecord } from '../../unit/admin-fake.js';
import { poll } from '../poll.js';
import { makeRouterKey } from '../router-process.js';

export const net = createSystemNet();

export interface LoopbackRouterOptions {
  readonly listen?: readonly string[];
  readonly peers?: readonly string[];
}

/** A real yggdrasil without TUN and multicast: it reaches nothing but the loopback addresses and sockets it is told of. */
export class LoopbackRouter {
  private process: ChildProcess | undefined;
  output = '';

  private constructor(
    private readonly program: string,
    readonly folder: string,
    readonly key: string,
  ) {}

  /** Runs until the test is over. */
  static async start({ listen = [], peers = [] }: LoopbackRouterOptions = {}): Promise<LoopbackRouter> {
    const folder = await mkdtemp(join(tmpdir(), 'ratatoskr-router-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { privateKey, publicKey } = makeRouterKey();
    const router = new LoopbackRouter((await labTools()).yggdrasil, folder, publicKey);
    const config = {
      PrivateKey: privateKey,
      AdminListen: router.admin,
      Listen: listen,
      Peers: peers,
      MulticastInterfaces: [],
      IfName: 'none',
    };
    await writeFile(join(folder, 'yggdrasil.conf'), JSON.stringify(config), { mode: 0o600 });
    onTestFinished(() => router.stop());
    await router.restart();
    return router;
  }

  get admin(): string {
    return `unix://${this.folder}/admin.sock`;
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get alive(): boolean {
    return this.process !== undefined && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Ends it if it runs, and starts it with the same key and config. */
  async restart(): Promise<void> {
    await this.stop();
    this.output = '';
    const child = spawn(this.program, ['-loglevel', 'debug', '-useconffile', join(this.folder, 'yggdrasil.conf')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    // Its last handlers come with the TUN, and a request before that can end it.
    await poll('yggdrasil has started', () => this.output.includes('Not starting TUN') || undefined);
  }

  async stop(): Promise<void> {
    if (this.alive) this.process?.kill('SIGTERM');
    await this.ended();
  }

  /** Resolves when the process is gone. */
  async ended(): Promise<void> {
    if (this.process && this.alive) await once(this.process, 'exit');
  }

  /** Our client at this router, connected, until the test is over. */
  async client(folder = join(this.folder, 'state')) {
    const events = new EventRecord();
    const journal = await openPeerJournal(folder, events.source);
    const options = { net, clock: systemClock, random: systemRandom, events: events.source, journal, uris: [this.admin] };
    const router = new AdminRouter(options);
    const stop = new AbortController();
    const running = router.run(stop.signal);
    onTestFinished(() => {
      stop.abort();
      return running;
    });
    await events.next('router.connected');
    return { router, events, journal };
  }
}

/** The peering of that URI, as soon as it is as wanted. */
export function peerOf(
  router: AdminRouter,
  uri: string,
  wanted: (peer: RouterPeer) => boolean = () => true,
): Promise<RouterPeer> {
  const identity = uri.split('?')[0];
  return poll(
    `${identity} is as wanted`,
    async () => (await router.peers()).find((peer) => peer.uri === identity && wanted(peer)),
    {
      timeoutMs: 15_000,
    },
  );
}
