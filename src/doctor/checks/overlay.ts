import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { Patient } from '../patient.js';
import type { RouterAnswer } from './router.js';

/** The least that IPv6 wants of a link, in bytes (RFC 8200 §5). */
const leastMtu = 1280;

/** Is the router's address on this machine, on an interface that can carry anything, and is there anybody to talk to? */
export async function overlayFinding(answer: RouterAnswer, { services, files }: Patient): Promise<Finding> {
  if (!('self' in answer)) return unchecked('overlay', 'Without a router there is no overlay.');
  const { address } = answer.self;
  const found = services.net.interfaces().find((each) => each.address === address);
  if (!found) return problem('overlay', 'OVERLAY_ADDRESS_MISSING', `${address} is on no interface of this machine.`);
  const mtu = Number(await files.read(`/sys/class/net/${found.name}/mtu`).catch(() => ''));
  if (mtu > 0 && mtu < leastMtu) {
    const message = `The interface ${found.name} has an MTU of ${mtu}, and IPv6 needs ${leastMtu}.`;
    return problem('overlay', 'OVERLAY_MTU', message);
  }
  const up = answer.peers.filter((peer) => peer.up && peer.key !== undefined);
  if (up.length === 0) {
    const errors = answer.peers.flatMap(({ lastError }) => lastError ?? []);
    const reason = errors[0] === undefined ? '' : ` The last error: ${errors[0]}.`;
    return problem(
      'overlay',
      'ROUTER_ISOLATED',
      `The router is peered with nobody, of ${answer.peers.length} that it knows.${reason}`,
    );
  }
  const size = mtu > 0 ? `, with an MTU of ${mtu}` : '';
  const whom = up.length === 1 ? 'one node' : `${up.length} nodes`;
  return ok('overlay', `${address} is on ${found.name}${size}, and the router is peered with ${whom}.`);
}
