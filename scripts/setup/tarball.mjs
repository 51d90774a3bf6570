import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { run } from './step.mjs';

/** `npm pack` into a folder, or the one that RATATOSKR_TARBALL names. @returns its path */
export function packTarball(folder) {
  const { RATATOSKR_TARBALL } = process.env;
  if (RATATOSKR_TARBALL) return RATATOSKR_TARBALL;
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root }));
  return join(folder, filename);
}

/** Installs a tarball as users do, with none of our overrides and nothing of ours beside it, into `folder`/node_modules. */
export function installTarball(tarball, folder, manifest = {}) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: folder });
}
