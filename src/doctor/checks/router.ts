import { parseAdminUri } from '../../core/admin/admin-uri.js';
import { findRouter } from '../../core/admin/find-router.js';
import { parsePeers } from '../../core/admin/schemas.js';
import { AdminError } from '../../core/errors.js';
import type { RouterPeer, RouterSelf } from '../../core/router.js';
import { type Finding, ok, problemOf, unchecked } from '../finding.js';
import type { Patient } from '../patient.js';

/** The router as it answered, or why it did not. */
export type RouterAnswer =
  | { readonly self: RouterSelf; readonly admin: string; readonly peers: readonly RouterPeer[] }
  | { readonly failure: unknown };

/** Asks the router who it is and whom it is peered with. Rejects with the signal's reason alone. */
export async function askRouter({ config, services: { net, clock }, signal }: Patient): Promise<RouterAnswer> {
  try {
    const targets = config.admin === 'auto' ? [] : [parseAdminUri(config.admin)];
    const link = await findRouter({ targets, net, clock, signal });
    try {
      const peers = await link.polls.call('getPeers', {}, parsePeers, { signal });
      return { self: link.self, admin: link.target.uri, peers };
    } finally {
      link.close();
    }
  } catch (failure) {
    signal.throwIfAborted();
    return { failure };
  }
}

/** Is there a router that can be served, and may this user speak to it? */
export function routerFindings(answer: RouterAnswer): readonly Finding[] {
  if ('self' in answer) {
    return [
      ok('router', `yggdrasil ${answer.self.version} runs, with the address ${answer.self.address}.`),
      ok('admin-socket', `This user may open ${answer.admin}.`),
    ];
  }
  const { failure } = answer;
  const code = failure instanceof AdminError ? failure.code : undefined;
  if (code === 'ADMIN_FORBIDDEN') {
    return [unchecked('router', 'A router is there, but cannot be asked.'), problemOf('admin-socket', failure)];
  }
  const socket =
    code === 'ADMIN_UNREACHABLE'
      ? unchecked('admin-socket', 'There is no socket to try.')
      : ok('admin-socket', 'This user may open it.');
  return [problemOf('router', failure), socket];
}
