import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';
import { publicAddresses } from '../topology.js';
import { type TurnOptions, TurnProcess } from './turn-process.js';

/** Strategies of an agent that can meet its peer at relays alone. */
export const relayOnly = ['--strategies', 'relay', '--relay', 'always'];
/** The laboratory's user at a server. */
export const turnAt = (address: string = publicAddresses[0], query = '') => ['--turn', `turn:lab:lab@${address}:3478${query}`];

/** A laboratory with servers of its own: what a test does to them, it does to nobody else. */
export class RelayLab {
  private constructor(
    readonly lab: Lab,
    readonly servers: readonly TurnProcess[],
  ) {}

  static async create(
    servers: readonly TurnOptions[],
    { a = 'sym', b = 'sym' }: { readonly a?: NatKindName; readonly b?: NatKindName } = {},
  ): Promise<RelayLab> {
    const lab = await Lab.create({ a, b, turn: false });
    try {
      return new RelayLab(lab, await Promise.all(servers.map((server) => TurnProcess.start(lab.p, server))));
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Two agents that have a session, and nothing but relays. */
  async agents(args: readonly string[], b: readonly string[] = args): Promise<[AgentProcess, AgentProcess]> {
    const { lab } = this;
    const both = [lab.a.agent({ args: [...relayOnly, ...args] }), lab.b.agent({ args: [...relayOnly, ...b] })] as const;
    await Promise.all(both.map((agent) => agent.event('router.connected')));
    await lab.settled();
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    return [...both];
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

/** Writes a configuration on a host. @returns the arguments that name it */
export function configure(host: Host, config: object): readonly string[] {
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify(config));
  return ['--config', `${host.insideFolder}/agent.conf`];
}

/** A key and a certificate of a host's own for an address. @returns where they are, as the host sees it */
export async function makeCertificate(host: Host, address: string): Promise<{ key: string; certificate: string }> {
  const files = { key: `${host.insideFolder}/key.pem`, certificate: `${host.insideFolder}/cert.pem` };
  const pair = ['-keyout', files.key, '-out', files.certificate];
  const subject = ['-subj', '/CN=turn', '-addext', `subjectAltName=IP:${address}`];
  await host.exec(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...pair, ...subject]);
  return files;
}
