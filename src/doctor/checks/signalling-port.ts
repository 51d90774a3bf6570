import { describeError } from '../../core/errors.js';
import type { Listener } from '../../core/net.js';
import { type Finding, ok, problem, unchecked } from '../finding.js';
import { filterHints } from '../packet-filter.js';
import type { Patient } from '../patient.js';
import type { RouterAnswer } from './router.js';

/** How long a connection within this machine may take, in milliseconds. */
const connectTimeoutMs = 1500;

/**
 * Does a connection from the overlay address reach the port where agents meet? It stays in this machine, so that a rule for the overlay's
 * interface alone does not meet it: that one shows in the packet filter, where it can be read.
 */
export async function signallingPortFinding(answer: RouterAnswer, patient: Patient): Promise<Finding> {
  if (!('self' in answer)) return unchecked('signalling-port', 'Without a router there is no overlay address to try.');
  const { services, config, agent, signal } = patient;
  const { address } = answer.self;
  const { port } = config.signalling;
  const overlay = services.net.interfaces().find((each) => each.address === address);
  if (!overlay) return unchecked('signalling-port', `${address} is on no interface.`);
  let listener: Listener | undefined;
  try {
    listener = await services.net.listenTcp({ local: { address, port }, onStream: (stream) => stream.destroy() });
  } catch (error) {
    const { code, message } = describeError(error);
    const taken = `Port ${port} of ${address} cannot be listened on (${code}): ${message}.`;
    if (code !== 'EADDRINUSE') return problem('signalling-port', 'OVERLAY_ADDRESS_MISSING', taken);
    // A running agent is who should listen there.
    if (!agent) return problem('signalling-port', 'SIGNALLING_PORT_TAKEN', taken);
  }
  try {
    const refused = await knock(patient, address, port);
    signal.throwIfAborted();
    const { blocks, note } = filterHints((await patient.packetFilter(signal)) ?? '', { port, interface: overlay.name });
    if (refused !== undefined) {
      const by = blocks === undefined ? '' : ` ${blocks}`;
      const message = `A connection to [${address}]:${port} does not come through (${refused}).${by}`;
      return problem('signalling-port', 'FIREWALL_BLOCKS_SIGNALLING', message, allow(port, overlay.name));
    }
    if (blocks !== undefined) return problem('signalling-port', 'FIREWALL_BLOCKS_SIGNALLING', blocks, allow(port, overlay.name));
    return ok('signalling-port', `[${address}]:${port} can be reached from this machine.${note === undefined ? '' : ` ${note}`}`);
  } finally {
    await listener?.close();
  }
}

/** @returns why it failed */
async function knock({ services, signal }: Patient, address: string, port: number): Promise<string | undefined> {
  try {
    const stream = await services.net.connectTcp({
      remote: { address, port },
      local: { address },
      timeoutMs: connectTimeoutMs,
      signal,
    });
    stream.destroy();
    return undefined;
  } catch (error) {
    return describeError(error).code;
  }
}

function allow(port: number, device: string): string {
  return `Let TCP port ${port} in on ${device}: “nft insert rule” in the chain that is named, “ufw allow in on ${device} to any port ${port} proto tcp”, or the like; the agent needs nothing else there.`;
}
