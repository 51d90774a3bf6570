import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of our package.json, which lies one above both src and dist. */
export const ownFolder = fileURLToPath(new URL('..', import.meta.url));

/** The version in package.json. */
export function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
