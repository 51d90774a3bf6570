import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The packages that a bundle was made of, by the metafile of esbuild: their folders by their names, sorted. */
export function bundledPackages({ inputs }, root) {
  const files = Object.keys(inputs).filter((input) => /(?:^|\/)node_modules\//.test(input));
  const packages = files.map((file) => packageOf(path.dirname(path.join(root, file))));
  return new Map(packages.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The texts of their licences, which have to go wherever the bundle goes. */
export function licencesOf(packages) {
  const texts = [...packages].map(([name, folder]) => {
    const { version, license } = manifestIn(folder);
    return `${name} ${version} (${license ?? 'see below'})\n\n${licenceIn(folder).trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** Name and folder of the package that a folder is of: in `stun` more folders are called node_modules, in preact parts have manifests. */
function packageOf(folder) {
  const { name, version } = existsSync(path.join(folder, 'package.json')) ? manifestIn(folder) : {};
  return version === undefined ? packageOf(path.dirname(folder)) : [name, folder];
}

function manifestIn(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

/** A file of its own, or a section at the end of the README. */
function licenceIn(folder) {
  const names = readdirSync(folder);
  const file = names.find((name) => /^licen[cs]e/i.test(name));
  if (file !== undefined) return readFileSync(path.join(folder, file), 'utf8');
  const readme = names.find((name) => /^readme/i.test(name));
  const section = readme && /^#+ licen[cs]e\s[\s\S]*/im.exec(readFileSync(path.join(folder, readme), 'utf8'))?.[0];
  if (!section) throw new Error(`${folder} comes without the text of its licence`);
  return section.replace(/^.*\n/, '');
}
