import type { Host } from '../../test/lab/host.js';
import type { Lab } from '../../test/lab/lab.js';
import { poll } from '../../test/lab/poll.js';
import type { RouterPeerEntry } from '../../test/lab/router-process.js';
import { publicAddresses } from '../../test/lab/topology.js';

/** Resolves when each router has a link with the other whose handshake is over. */
export async function untilPeered(lab: Lab): Promise<void> {
  const look = async () => ((await Promise.all(links(lab))).every((each) => each.some(({ up }) => up)) ? true : undefined);
  await poll('the routers are peered', look, { timeoutMs: 90_000 });
}

/** Takes every peering away but that with the public peer, whoever left it, and waits until the routers are apart. */
export async function separate(lab: Lab): Promise<void> {
  await Promise.all(
    [lab.a, lab.b].map(async ({ router }) => {
      const added = (await router.peers()).filter(({ inbound, remote }) => !inbound && !remote?.includes(publicAddresses[0]));
      // Removing what another has removed meanwhile is no failure.
      for (const { remote: uri } of added) await router.admin('removepeer', { uri }).catch(() => undefined);
    }),
  );
  const look = async () => ((await Promise.all(links(lab))).every((each) => each.length === 0) ? true : undefined);
  await poll('the routers are apart', look, { timeoutMs: 30_000 });
}

/** Links of each router with the other. */
function links(lab: Lab): Promise<readonly RouterPeerEntry[]>[] {
  const between = async (host: Host, other: Host) => (await host.router.peers()).filter(({ key }) => key === other.router.key);
  return [between(lab.a, lab.b), between(lab.b, lab.a)];
}
