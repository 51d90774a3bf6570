import { fileURLToPath } from 'node:url';
import type { Host } from './host.js';
import { publicAddresses } from './topology.js';

const probe = [process.execPath, fileURLToPath(new URL('probe.mjs', import.meta.url))];
const port = 4000;

/** What becomes of a connection nobody at the other end expects. @param address of `to`, as the public network knows it */
export async function openTcp(from: Host, to: Host, address: string): Promise<string> {
  await serve(to);
  return (await from.exec([...probe, 'tcp', address, String(port)])).trim();
}

/** The source ports that the public peer's two addresses see of one UDP socket. */
export async function mappedPorts(from: Host, publicPeer: Host, localPort: number): Promise<readonly number[]> {
  await serve(publicPeer);
  return (await exchange(from, localPort, port)).map(Number);
}

/** Do both addresses of the public peer answer a STUN request over UDP? Our own stand-in answers unless a port is named. */
export async function exchangeUdp(from: Host, publicPeer: Host, at = port): Promise<boolean> {
  if (at === port) await serve(publicPeer);
  return (await exchange(from, 0, at)).every((answer) => answer !== null);
}

async function serve(host: Host): Promise<void> {
  await host.spawn([...probe, 'serve'], { name: 'probe' }).line('sign of readiness', (line) => line === 'ready' || undefined);
}

async function exchange(from: Host, localPort: number, at: number): Promise<readonly (string | null)[]> {
  const answers = await from.exec([...probe, 'udp', String(localPort), String(at), ...publicAddresses]);
  return JSON.parse(answers) as (string | null)[];
}
