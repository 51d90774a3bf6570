import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { addressOf } from '../../src/core/overlay-address.js';
import type { Host } from '../../test/lab/host.js';
import { Lab } from '../../test/lab/lab.js';
import { poll } from '../../test/lab/poll.js';
import type { LabProcess } from '../../test/lab/process.js';
import { makeRouterKey } from '../../test/lab/router-process.js';
import { sendCommand } from './commands.js';
import type { PeersCommand } from './peers-process.js';
import type { RouterCommand, RouterState } from './router-process.js';

/** Peers that are met at once. */
const batch = 25;
/**
 * One-way delays of the two lines, in milliseconds. Without any, the kernel would do what the network and the far end do with a segment
 * within the system call that sends it, and in the sender's account.
 */
const lineDelayMs = 5;
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));
const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const collector = fileURLToPath(new URL('collect-on-signal.cjs', import.meta.url));

/**
 * One agent, as it is installed, on host a, and as many peers as wanted in one process on host b. Their routers are stand-ins: what passes
 * between the agents, the overlay included, goes over a line between two namespaces.
 */
export class Crowd {
  private collections = 0;

  private constructor(
    private readonly lab: Lab,
    readonly agent: LabProcess,
    /** Of the peers. */
    readonly keys: readonly string[],
  ) {}

  /** @param agentConfig beside what the agent must have */
  static async create(size: number, agentConfig: object = {}): Promise<Crowd> {
    const lab = await Lab.create({
      a: 'public',
      b: 'public',
      links: { a: lineDelayMs, b: lineDelayMs },
      routers: false,
      turn: false,
    });
    try {
      const own = makeRouterKey().publicKey;
      const keys = Array.from({ length: size }, () => makeRouterKey().publicKey);
      await layOverlay(lab, addressOf(own));
      const folder = `${lab.b.insideFolder}/peers`;
      mkdirSync(join(lab.b.folder, 'peers'));
      await ready(startProgram(lab.b, 'peers-process.ts', [folder, `${lab.b.insideFolder}/commands.sock`, own]));
      const sockets = ['admin', 'commands'].map((name) => `${lab.a.insideFolder}/${name}.sock`);
      await ready(startProgram(lab.a, 'router-process.ts', [own, ...sockets]));
      const agent = startAgent(lab.a, agentConfig);
      const listening = (line: string) => line.includes('"signalling.listening"') || undefined;
      await agent.line('signalling', listening, { timeoutMs: 20_000 });
      return new Crowd(lab, agent, keys);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Has bridges with the first `count` peers and no others; resolves when they are up, and the others down. */
  async bridge(count: number): Promise<void> {
    const wanted = this.keys.slice(0, count);
    let { peeredWith } = await this.router({});
    for (let met = Math.min(peeredWith.length, count); met < count; met += batch) {
      await this.peers({ start: wanted.slice(met, met + batch) });
      await this.router({ meet: wanted.slice(0, met + batch) });
      ({ peeredWith } = await this.untilPeered(Math.min(met + batch, count)));
    }
    await this.router({ meet: wanted });
    await this.untilPeered(count);
  }

  /** Resolves when the agent's router has so many links. @param touchMs how often the sessions carry something meanwhile */
  untilPeered(count: number, { touchMs }: { touchMs?: number } = {}): Promise<RouterState> {
    const look = async () => {
      const state = await this.router({ touch: touchMs !== undefined });
      return state.peeredWith.length === count ? state : undefined;
    };
    return poll(`${count} bridges`, look, { timeoutMs: 120_000, intervalMs: touchMs ?? 100 });
  }

  /** Resolves when the agent's router has no link with any of these. */
  untilApart(keys: readonly string[]): Promise<RouterState> {
    const look = async () => {
      const state = await this.router({});
      return keys.some((key) => state.peeredWith.includes(key)) ? undefined : state;
    };
    return poll('bridges end with their sessions', look, { timeoutMs: 60_000, intervalMs: 100 });
  }

  router(command: RouterCommand): Promise<RouterState> {
    return sendCommand(join(this.lab.a.folder, 'commands.sock'), command);
  }

  peers(command: PeersCommand): Promise<void> {
    return sendCommand(join(this.lab.b.folder, 'commands.sock'), command);
  }

  /** Has the agent collect its garbage. @returns bytes of objects and buffers that are left */
  async collect(): Promise<number> {
    const earlier = this.collections++;
    let seen = 0;
    const find = (line: string) => (/^held: \d+$/.test(line) && seen++ === earlier ? Number(line.slice(6)) : undefined);
    await this.agent.kill('SIGUSR2');
    return await this.agent.line('what is left', find);
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

/** The addresses of all peers lie beyond the line that joins the two hosts, and all of them are on host b. */
async function layOverlay(lab: Lab, own: string): Promise<void> {
  const { a, b } = lab;
  const configure = (host: Host, ...lines: string[]) => host.exec(['ip', '-6', '-batch', '-'], { input: lines.join('\n') });
  await configure(
    lab.node('core'),
    'addr add 2a00:20:1::1/64 dev ca nodad',
    'addr add 2a00:20:2::1/64 dev cb nodad',
    'route add 200::/7 via 2a00:20:2::2',
    `route add ${own}/128 via 2a00:20:1::2`,
  );
  await configure(
    a,
    'addr add 2a00:20:1::2/64 dev wan nodad',
    `addr add ${own}/128 dev lo nodad`,
    `route add 200::/7 via 2a00:20:1::1 src ${own}`,
  );
  await configure(
    b,
    'addr add 2a00:20:2::2/64 dev wan nodad',
    // In the table where a longer prefix counts: one of the addresses is not here.
    'route add local 200::/7 dev lo table main',
    `route add ${own}/128 via 2a00:20:2::1`,
  );
  await b.exec(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind']);
}

function startAgent(host: Host, more: object): LabProcess {
  const config = {
    admin: `unix://${host.insideFolder}/admin.sock`,
    stateDir: `${host.insideFolder}/agent`,
    runtimeDir: `${host.insideFolder}/agent`,
    stun: [],
    strategies: ['tcp-hole-punching'],
    sessions: { idleTimeout: '1d' },
    signalling: { maxPeers: 20_000, maxConnections: 20_000 },
    bridge: { evenIfSlower: true },
    log: { format: 'json' },
    ...more,
  };
  mkdirSync(join(host.folder, 'agent'), { mode: 0o700 });
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify(config));
  const argv = [process.execPath, '--require', collector, program, 'run', '--config', `${host.insideFolder}/agent.conf`];
  return host.spawn(argv, { name: 'agent' });
}

function startProgram(host: Host, name: string, args: readonly string[]): LabProcess {
  const file = fileURLToPath(new URL(name, import.meta.url));
  // Started from another folder, tsx finds no settings by itself.
  return host.spawn([process.execPath, '--import', tsx, file, ...args], { name, env: { TSX_TSCONFIG_PATH: tsconfig } });
}

async function ready(process_: LabProcess): Promise<void> {
  await process_.line('sign of readiness', (line) => line === 'ready' || undefined, { timeoutMs: 20_000 });
}
