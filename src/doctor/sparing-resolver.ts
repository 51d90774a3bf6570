import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Net } from '../core/net.js';

/** How long the name servers may take, in milliseconds. */
const timeoutMs = 1500;

/**
 * The same network, which resolves each name once, and none where the name servers are silent. The system's own resolver cannot be called
 * off: for many seconds it holds threads that reading files needs, and even the end of the process waits for it.
 * @param answers do the name servers say anything when asked for a name?
 */
export function sparingResolver(net: Net, answers: (name: string) => Promise<boolean> = nameServersAnswer): Net {
  const known = new Map<string, Promise<readonly string[]>>();
  let alive: Promise<boolean> | undefined;
  const lookUp = async (host: string) => {
    alive ??= answers(host);
    if (await alive) return net.resolve(host, {});
    throw Object.assign(new Error(`no name server answers for ${host}`), { code: 'EAI_AGAIN' });
  };
  return {
    ...net,
    resolve: (host) => {
      if (isIP(host) !== 0) return net.resolve(host, {});
      const found = known.get(host) ?? lookUp(host);
      known.set(host, found);
      return found;
    },
  };
}

async function nameServersAnswer(name: string): Promise<boolean> {
  try {
    await new Resolver({ timeout: timeoutMs, tries: 1 }).resolve4(name);
    return true;
  } catch (error) {
    return !['ETIMEOUT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
