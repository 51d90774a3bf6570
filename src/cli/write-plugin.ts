import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PluginError } from '../core/errors.js';
import { ownFolder } from '../own-package.js';

export const pluginLicenses = ['Apache-2.0', 'MIT'] as const;
export type PluginLicense = (typeof pluginLicenses)[number];

export interface NewPlugin {
  /** The strategy's name. */
  readonly strategy: string;
  readonly packageName: string;
  readonly license: PluginLicense;
}

/**
 * Writes a package that builds and passes its tests as it stands, from the files under templates/.
 * @param folder made when it is not there
 * @returns the files, relative to the folder
 * @throws PluginError PLUGIN_FOLDER_NOT_EMPTY; nothing has been written then
 */
export async function writePlugin(folder: string, plugin: NewPlugin): Promise<readonly string[]> {
  const templates = path.join(ownFolder, 'templates');
  const names = await filesOf(path.join(templates, 'plugin'));
  const words = await vocabulary(plugin);
  const sources = new Map(names.map((name) => [named(name), path.join(templates, 'plugin', name)]));
  sources.set('LICENSE', path.join(templates, 'licenses', `${plugin.license}.txt`));
  await claim(folder);
  for (const [name, source] of sources) {
    const text = (await readFile(source, 'utf8')).replace(
      /\{\{([a-z-]+)\}\}/g,
      (match, word: string) => words.get(word) ?? match,
    );
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  }
  return [...sources.keys()].sort();
}

/** What stands in the templates in double braces. Versions are those that this package is made with itself. */
async function vocabulary({ strategy, packageName, license }: NewPlugin): Promise<ReadonlyMap<string, string>> {
  const manifest = JSON.parse(await readFile(path.join(ownFolder, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const { version, dependencies, devDependencies } = manifest;
  return new Map([
    ['name', strategy],
    ['package', packageName],
    ['license', license],
    ['year', String(new Date().getFullYear())],
    ['ratatoskr', version],
    ['zod', dependencies.zod ?? '*'],
    ['typescript', devDependencies.typescript ?? '*'],
    ['types-node', devDependencies['@types/node'] ?? '*'],
  ]);
}

/** Of a template; npm leaves a .gitignore out of a package, and a package.json below the top would pass for a package of its own. */
function named(template: string): string {
  return { gitignore: '.gitignore', 'manifest.json': 'package.json' }[template] ?? template;
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !names.some((other) => other.startsWith(name + path.sep)));
}

async function claim(folder: string): Promise<void> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') return [path.basename(folder)];
    throw error;
  });
  const [first] = present;
  if (first !== undefined) {
    throw new PluginError('PLUGIN_FOLDER_NOT_EMPTY', `Nothing was written to ${folder}: there is ${first} already.`);
  }
}
