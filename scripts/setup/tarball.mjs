import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { run } from './step.mjs';

/** `npm pack` into a folder, or the one that RATATOSKR_TARBALL names. @returns its path */
export function packTarball(folder) {
  const { RATATOSKR_TARBALL } = process.env;
  return RATATOSKR_TARBALL || pack(root, folder);
}

/** `npm pack` of a plugin, as it is built, into a folder. @returns its path */
export function packPlugin(name, folder) {
  return pack(join(root, 'plugins', name), folder);
}

function pack(cwd, folder) {
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd }));
  return join(folder, filename);
}

/** Installs a tarball as users do, with none of our overrides and nothing of ours beside it, into `folder`/node_modules. */
export function installTarball(tarball, folder, manifest = {}) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: folder });
}
