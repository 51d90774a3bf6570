import { readFile } from 'node:fs/promises';
import hjson from 'hjson';
import { type AdminTarget, parseAdminUri } from './admin-uri.js';

/** Where packages of yggdrasil keep its config (Linux, Debian, FreeBSD). */
const configFiles = ['/etc/yggdrasil.conf', '/etc/yggdrasil/yggdrasil.conf', '/usr/local/etc/yggdrasil.conf'];

/** Where routers listen when their config does not say or cannot be read. */
const wellKnown = [
  'unix:///var/run/yggdrasil.sock',
  'unix:///var/run/yggdrasil/yggdrasil.sock',
  'unix:///run/yggdrasil/yggdrasil.sock',
  'tcp://localhost:9001',
];

/**
 * The admin sockets to try, best first: what AdminListen of a readable config of the router names, then the usual places.
 * @param files configs to look at
 * @param warn told of an AdminListen that cannot be used
 */
export async function discoverAdminTargets(
  warn: (reason: string) => void = () => undefined,
  files: readonly string[] = configFiles,
): Promise<readonly AdminTarget[]> {
  const targets = new Map<string, AdminTarget>();
  for (const file of files) {
    try {
      const listen = await adminListen(file);
      if (listen === undefined) continue;
      const target = parseAdminUri(dialable(listen));
      targets.set(target.uri, target);
    } catch (error) {
      warn(`${file}: ${(error as Error).message}`);
    }
  }
  for (const uri of wellKnown) if (!targets.has(uri)) targets.set(uri, parseAdminUri(uri));
  return [...targets.values()];
}

/** AdminListen of a config, undefined where it is not to be had: no file, not ours to read, not set, `none`. */
async function adminListen(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    // The config holds the router's private key, so most users may not read it, and the usual places are tried.
    return undefined;
  }
  let config: unknown;
  try {
    config = hjson.parse(text.replace(/^\ufeff/, ''));
  } catch {
    // The parser's message quotes the line, which may hold the private key.
    throw new Error('it is not valid HJSON');
  }
  if (typeof config !== 'object' || config === null) throw new Error('it is not an HJSON object');
  // Go's decoder takes names in any case.
  const entry = Object.entries(config).find(([name]) => name.toLowerCase() === 'adminlisten');
  return typeof entry?.[1] === 'string' && !['', 'none'].includes(entry[1]) ? entry[1] : undefined;
}

/** What to dial for what the router listens on: it also takes a bare `host:port`, and wildcard addresses. */
function dialable(listen: string): string {
  const uri = /^[\w.[\]:-]*:\d+$/.test(listen) ? `tcp://${listen}` : listen;
  return uri.replace(/^tcp:\/\/(0\.0\.0\.0)?:/i, 'tcp://127.0.0.1:').replace(/^tcp:\/\/\[::\]:/i, 'tcp://[::1]:');
}
