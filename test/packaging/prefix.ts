import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../scripts/setup/cache.mjs';
import { packTarball } from '../../scripts/setup/tarball.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The npm package, with the addon of this machine where a release has those of all. @returns the tarball's path */
export function packed(folder: string): string {
  if (!process.env.RATATOSKR_TARBALL) {
    execFileSync(process.execPath, [path.join(root, 'scripts/build-native.mjs')]);
    execFileSync(process.execPath, [path.join(root, 'scripts/prebuilds.mjs'), '--here']);
  }
  return packTarball(folder);
}

/** A Node of that major version: this one, or the registry's, kept in the cache. @returns the program's path */
export function nodeOf(major: number): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = path.join(cacheFolder(), `node-${major}`);
  const node = path.join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(node)) npm(process.execPath, ['install', '--prefix', folder, `${name}@${major}`]);
  return node;
}

/** What `npm install --global` made of the tarball under an empty prefix, on a PATH with nothing but node. */
export class Prefix {
  private readonly tools: string;

  constructor(
    readonly folder: string,
    private readonly node: string,
    tarball: string,
  ) {
    this.tools = path.join(folder, 'tools');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(this.tools, { recursive: true });
    symlinkSync(node, path.join(this.tools, 'node'));
    // What says that it does not run on this Node may not be among it.
    npm(node, ['install', '--global', '--engine-strict', '--prefix', folder, tarball], this.tools);
  }

  get program(): string {
    return path.join(this.folder, 'lib/node_modules/ratatoskr/dist/cli.js');
  }

  /** The installed command, as its name on PATH runs it. @returns its stdout */
  ratatoskr(...args: string[]): string {
    return run(path.join(this.folder, 'bin/ratatoskr'), args, this.tools);
  }

  /** Evaluates a module in the folder of the installed package. @returns its stdout */
  evaluate(source: string): string {
    const cwd = path.join(this.folder, 'lib/node_modules/ratatoskr');
    return run(this.node, ['--input-type=module', '--eval', source], this.tools, cwd);
  }
}

function npm(node: string, args: readonly string[], PATH = process.env.PATH ?? ''): void {
  const cli = path.join(path.dirname(realpathSync(run('which', ['npm'], process.env.PATH ?? '').trim())), 'npm-cli.js');
  run(node, [cli, ...args, '--no-audit', '--no-fund', '--prefer-offline'], PATH);
}

function run(file: string, args: readonly string[], PATH: string, cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8', cwd, env: { ...process.env, PATH } });
  if (status === 0) return stdout;
  throw new Error(`${file} ${args.join(' ')} failed: ${error ?? `exit code ${status}`}\n${stdout}${stderr}`);
}
