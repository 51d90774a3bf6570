import { fileURLToPath } from 'node:url';
import type { PathInfo, Role } from '../../../src/core/strategy.js';
import { Lab } from '../lab.js';
import { LabError } from '../lab-error.js';
import type { NatKindName } from '../nat-kinds.js';
import { publicAddresses, type Site, sites } from '../topology.js';

const program = fileURLToPath(new URL('punch-end.ts', import.meta.url));

/** How one end's attempt went; times in milliseconds. */
export interface PunchReport {
  readonly attempt: number;
  readonly role: Role;
  /** From the first socket to the stream, or to the failure. */
  readonly openMs: number;
  /** What the NAT was found to do, and what was decided. */
  readonly mapping?: string;
  readonly plan?: string;
  /** Checks and probes sent, of TCP the connections that were begun by chance, and since when. */
  readonly sent?: number;
  readonly durationMs?: number;
  readonly info?: PathInfo;
  /** What the other end wrote on the path. */
  readonly said?: string;
  readonly code?: string;
  readonly message?: string;
}

export interface PunchOptions {
  readonly a: NatKindName;
  readonly b: NatKindName;
  /** @default 'udp-hole-punching' */
  readonly strategy?: 'udp-hole-punching' | 'tcp-hole-punching';
  /** @default 1 */
  readonly attempts?: number;
  /** One way, of each host's line; the STUN servers are as far. @default 10 */
  readonly delayMs?: number;
  /** Chance that a packet is lost on a host's line, 0 to 1. @default 0 */
  readonly loss?: number;
}

/** Runs attempts between two hosts one after another, without routers. a controls. @returns what both ends report of each */
export async function punchPair({
  a,
  b,
  strategy = 'udp-hole-punching',
  attempts = 1,
  delayMs = 10,
  loss = 0,
}: PunchOptions): Promise<Record<Site, PunchReport>[]> {
  const line = { delayMs, loss };
  const lab = await Lab.create({ a, b, routers: false, links: { a: line, b: line, p: delayMs } });
  try {
    const socket = `${lab.b.insideFolder}/overlay.sock`;
    // As over an overlay whose one peer is where the STUN servers are.
    const overlayRttMs = 8 * delayMs;
    const stun = publicAddresses.map((address) => `${address}:3478`).join(',');
    const ends = sites.map((site) => {
      const role: Role = site === 'a' ? 'controlling' : 'controlled';
      const args = [program, strategy, role, socket, String(attempts), String(overlayRttMs), stun];
      return lab[site].spawn([process.execPath, '--import', import.meta.resolve('tsx'), ...args], { name: 'punch' });
    });
    const reports: Record<Site, PunchReport[]> = { a: [], b: [] };
    await Promise.all(
      ends.map(async (end, index) => {
        end.read((text) => {
          if (text.startsWith('{')) reports[sites[index] ?? 'a'].push(JSON.parse(text) as PunchReport);
        });
        const { code } = await end.exited;
        if (code !== 0) throw new LabError(`${end.name} ended with ${code}\n${end.tail()}`);
      }),
    );
    return reports.a.flatMap((report, index) => {
      const other = reports.b[index];
      return other ? [{ a: report, b: other }] : [];
    });
  } finally {
    await lab.close();
  }
}
