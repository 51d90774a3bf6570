import { labTools } from '../../scripts/setup/lab-tools.mjs';
import type { Host } from './host.js';
import { makeRouterKey, RouterProcess } from './router-process.js';
import { publicAddresses } from './topology.js';

/** Runs a router on a node that has none, peered with the public one. */
export async function withRouter(host: Host): Promise<Host> {
  const program = (await labTools()).yggdrasil;
  host.router = new RouterProcess(host, { program, key: makeRouterKey(), peers: [`tcp://${publicAddresses[0]}:5000`] });
  await host.router.start();
  await host.router.connected(1);
  return host;
}
