import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { PluginError } from '../errors.js';

/** Begins the name of a plugin's package, and is the keyword that tells it from any other. */
export type PluginPrefix = 'ratatoskr-strategy' | 'ratatoskr-discovery';

/** Where a plugin's module is. */
export interface PluginPlace {
  /** Absolute, with symbolic links resolved. */
  readonly file: string;
  /** Of its package.json, where it has one. */
  readonly packageName?: string;
  readonly version?: string;
}

/** Is this a file or folder rather than a name? */
export function isPath(use: string): boolean {
  return /^\.{1,2}[\\/]/.test(use) || path.isAbsolute(use);
}

/** `ratatoskr-strategy-x` or `@scope/ratatoskr-strategy-x`, for the prefix `ratatoskr-strategy`. */
export function isPackageName(use: string, prefix: PluginPrefix): boolean {
  const name = use.replace(/^@[^/]+\//, '');
  return name.startsWith(`${prefix}-`) && name.length > prefix.length + 1 && !name.includes('/');
}

/**
 * Finds the module of a plugin without running it.
 * @param use a package's name, or the path of a folder or file; relative ones begin at the first folder
 * @param folders where packages are looked for, as Node does it: in `node_modules` there and in every folder above
 * @throws PluginError PLUGIN_NOT_FOUND, PLUGIN_INVALID
 */
export async function locatePlugin(use: string, prefix: PluginPrefix, folders: readonly string[]): Promise<PluginPlace> {
  if (isPath(use)) return placeAt(use, path.resolve(folders[0] ?? '.', use));
  for (const folder of folders.flatMap(upwards)) {
    const candidate = path.join(folder, 'node_modules', use);
    if (!(await kindOf(candidate))) continue;
    const manifest = await readManifest(use, candidate);
    if (!manifest?.keywords.includes(prefix)) {
      throw new PluginError('PLUGIN_INVALID', `${use} at ${candidate} is no such plugin: its keywords lack ${prefix}.`);
    }
    return placeAt(use, candidate);
  }
  throw new PluginError('PLUGIN_NOT_FOUND', `There is no package ${use} in the node_modules of ${folders.join(' or ')}.`, {
    help: `Install it with: npm install --prefix ${folders[0]} ${use}`,
  });
}

async function placeAt(use: string, location: string): Promise<PluginPlace> {
  const kind = await kindOf(location);
  if (kind === 'file') return { file: await realpath(location) };
  if (!kind) {
    throw new PluginError('PLUGIN_NOT_FOUND', `There is nothing at ${location}.`, { help: `Correct the path ${use}.` });
  }
  const manifest = await readManifest(use, location);
  const { name, version } = manifest ?? {};
  const entry = path.join(location, (manifest && entryOf(manifest)) ?? 'index.js');
  if ((await kindOf(entry)) !== 'file') {
    throw new PluginError('PLUGIN_NOT_FOUND', `${use} names ${entry} as its module, and there is no such file.`, {
      help: 'Build the package, or correct exports in its package.json.',
    });
  }
  return {
    file: await realpath(entry),
    ...(name === undefined ? {} : { packageName: name }),
    ...(version === undefined ? {} : { version }),
  };
}

const manifestSchema = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  keywords: z.array(z.string()).default([]),
  exports: z.unknown().optional(),
  main: z.string().optional(),
});
type Manifest = z.infer<typeof manifestSchema>;

async function readManifest(use: string, folder: string): Promise<Manifest | undefined> {
  const file = path.join(folder, 'package.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PluginError('PLUGIN_INVALID', `${file} of ${use} is no valid package.json.`, { cause });
  }
}

/** What `import` of the package gives: the entry point of Node's packages, for the conditions that an import has. */
function entryOf({ exports, main }: Manifest): string | undefined {
  const root = isObject(exports) && '.' in exports ? exports['.'] : exports;
  return chosen(root) ?? main;
}

function chosen(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (!isObject(target)) return undefined;
  for (const [condition, nested] of Object.entries(target)) {
    const found = ['node', 'import', 'default'].includes(condition) ? chosen(nested) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function kindOf(location: string): Promise<'file' | 'folder' | undefined> {
  try {
    const found = await stat(location);
    return found.isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

/** A folder and all that it is in. */
function upwards(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwards(parent)];
}
