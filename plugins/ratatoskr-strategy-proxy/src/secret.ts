import { readFile } from 'node:fs/promises';
import { StrategyError } from 'ratatoskr';
import type { Options } from './options.js';

const variable = 'RATATOSKR_PROXY_SECRET';

/** What a proxy asks for: RFC 1929 for SOCKS5, RFC 7617 for HTTP. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * Reads the password anew each time, so that a changed one is found. Undefined for a proxy without a user.
 * @throws StrategyError STRATEGY_NO_PATH
 */
export async function readCredentials(
  { proxy, secretFile }: Pick<Options, 'proxy' | 'secretFile'>,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  if (proxy?.user === undefined) return undefined;
  const password = secretFile === undefined ? env[variable] : await firstLine(secretFile);
  if (!password || Buffer.byteLength(password) > 255) {
    const what = password ? 'is longer than 255 bytes' : 'is nowhere to be found';
    throw new StrategyError('STRATEGY_NO_PATH', `The password of ${proxy.user} at the proxy ${what}.`, {
      help: `Write it into the file that secretFile names, or set ${variable}.`,
    });
  }
  return { user: proxy.user, password };
}

async function firstLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new StrategyError('STRATEGY_NO_PATH', `The proxy’s password cannot be read from ${file}: ${cause.code}.`, {
      cause,
      help: 'Correct secretFile, or let the agent’s user read it.',
    });
  });
  return text.split(/\r?\n/, 1)[0] ?? '';
}
