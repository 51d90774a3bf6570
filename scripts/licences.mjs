import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Names of the packages that a bundle was made of, by the metafile of esbuild. */
export function bundledPackages({ inputs }) {
  // The outermost package of a path: `stun` keeps folders of its own called node_modules.
  return [
    ...new Set(Object.keys(inputs).flatMap((input) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [])),
  ];
}

/** The texts of their licences, which have to go wherever the bundle goes. */
export function licencesOf(packages, root) {
  const texts = [...packages].sort().map((name) => {
    const folder = path.join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entryName) => /^licen[cs]e/i.test(entryName));
    if (file === undefined) throw new Error(`${name} comes without the text of its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
