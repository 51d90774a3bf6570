import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { packed } from './prefix.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const isDebian = spawnSync('dpkg-deb', ['--version']).status === 0;

it.skipIf(!isDebian || process.getuid?.() !== 0)('the .deb installs, runs, and goes without a trace', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-deb-'));
  try {
    const RATATOSKR_TARBALL = packed(folder);
    const args = [path.join(root, 'scripts/deb.mjs'), '--output', folder];
    const env = { ...process.env, RATATOSKR_TARBALL };
    const deb = execFileSync(process.execPath, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    // This system, with a layer over it that is thrown away: what dpkg does stays there. Node may have come in another way than dpkg's.
    const inside = `set -e; exec 3>&1 >/dev/null
      dpkg --force-unsafe-io --install --force-depends /tmp/new.deb
      echo "version $(ratatoskr --version)" >&3
      echo "user $(id -un ratatoskr), group $(getent group yggdrasil | cut -d: -f1)" >&3
      systemd-analyze verify /lib/systemd/system/ratatoskr.service 2>&1 | grep ratatoskr.service >&3 || true
      dpkg --force-unsafe-io --purge ratatoskr
      find /usr/lib/ratatoskr /usr/bin/ratatoskr /lib/systemd/system/ratatoskr.service /usr/share/doc/ratatoskr 2>/dev/null >&3 || true
      getent passwd ratatoskr >&3 || echo gone >&3`;
    const outside = `set -e; mount -t tmpfs none "$1"; mkdir "$1/upper" "$1/work" "$1/root"
      mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
      mount -t proc proc "$1/root/proc"; mount -t tmpfs none "$1/root/tmp"; mount -t tmpfs none "$1/root/run"
      mount --bind /dev "$1/root/dev"; cat > "$1/root/tmp/new.deb"
      exec chroot "$1/root" sh -c "$2"`;
    const over = mkdtempSync(path.join(tmpdir(), 'ratatoskr-layer-'));
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['--mount', '--pid', '--fork', '--propagation', 'private', 'sh', '-c', outside, 'sh', over, inside],
      { encoding: 'utf8', input: readFileSync(deb) },
    );
    rmSync(over, { recursive: true });
    expect([status, stdout], stderr).toEqual([0, `version ${version}\nuser ratatoskr, group yggdrasil\ngone\n`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
