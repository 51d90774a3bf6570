// npm run deb [-- --arch amd64|arm64] [-- --output FOLDER]: builds ratatoskr_VERSION_ARCH.deb from the npm package as users install it. Needs
// dpkg-deb and the files of `npm run prebuilds`; builds for either architecture on any machine, as nothing is compiled here.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ownVersion, root } from './setup/project.mjs';
import { main, run, SetUpError, say } from './setup/step.mjs';
import { installTarball, packTarball } from './setup/tarball.mjs';

const nodeArch = { amd64: 'x64', arm64: 'arm64' };
const packaging = path.join(root, 'packaging');

await main(async () => {
  const here = Object.keys(nodeArch).find((name) => nodeArch[name] === process.arch);
  const { values } = parseArgs({
    options: { arch: { type: 'string', default: here }, output: { type: 'string', default: '.' } },
  });
  if (!(values.arch in nodeArch)) throw new SetUpError(`No such architecture: ${values.arch}. There are amd64 and arm64.`);
  const work = mkdtempSync(path.join(tmpdir(), 'ratatoskr-deb-'));
  try {
    say(`ratatoskr ${ownVersion()} for ${values.arch}`);
    const tree = path.join(work, 'tree');
    layOut(tree, values.arch, packTarball(work));
    const file = path.resolve(values.output, `ratatoskr_${ownVersion()}_${values.arch}.deb`);
    run('dpkg-deb', ['--build', '--root-owner-group', '-Zxz', tree, file]);
    process.stdout.write(`${file}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return 0;
});

/** The package's files as they are to lie on the system. */
function layOut(tree, arch, tarball) {
  const library = path.join(tree, 'usr/lib/ratatoskr');
  installTarball(tarball, library);
  for (const name of ['package.json', 'package-lock.json']) rmSync(path.join(library, name));
  keepOnlyFor(path.join(library, 'node_modules'), `linux-${nodeArch[arch]}`);
  mkdirSync(path.join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/ratatoskr/node_modules/ratatoskr/dist/cli.js', path.join(tree, 'usr/bin/ratatoskr'));
  const documents = path.join(tree, 'usr/share/doc/ratatoskr');
  mkdirSync(documents, { recursive: true });
  cpSync(path.join(packaging, 'debian/copyright'), path.join(documents, 'copyright'));
  writeFileSync(path.join(documents, 'changelog.gz'), gzipSync(readFileSync(path.join(root, 'CHANGELOG.md')), { level: 9 }));
  cpSync(path.join(packaging, 'systemd/ratatoskr.service'), path.join(tree, 'lib/systemd/system/ratatoskr.service'));
  const control = path.join(tree, 'DEBIAN');
  mkdirSync(control);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    cpSync(path.join(packaging, 'debian', script), path.join(control, script));
  }
  tidyModes(tree);
  for (const script of ['postinst', 'prerm', 'postrm']) chmodSync(path.join(control, script), 0o755);
  writeFileSync(
    path.join(control, 'control'),
    `Package: ratatoskr
Version: ${ownVersion()}
Architecture: ${arch}
Maintainer: The ratatoskr authors <ratatoskr@localhost>
Installed-Size: ${Math.ceil(sizeOf(tree) / 1024)}
Depends: nodejs (>= 20), libc6 (>= 2.17)
Recommends: yggdrasil (>= 0.5.13)
Section: net
Priority: optional
Description: direct paths between yggdrasil nodes behind NAT
 An agent that runs beside the yggdrasil router, meets the agents of the nodes
 it talks to over the overlay, and gives the two routers a direct path through
 both NATs.
`,
  );
}

/** Prebuilt addons for other systems, ours and those of our dependencies, would be most of the package. */
function keepOnlyFor(folder, platform) {
  const inPrebuilds = path.basename(folder) === 'prebuilds';
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const { name } = entry;
    const foreign = inPrebuilds && name !== platform && name !== `${platform}-glibc.node`;
    // What their authors' tools left behind, and addons for another runtime than Node.
    const stray = name.startsWith('.') || name.endsWith('.bare');
    if (foreign || stray) rmSync(path.join(folder, name), { recursive: true });
    else if (entry.isDirectory()) keepOnlyFor(path.join(folder, name), platform);
  }
}

/** Packages on npm come with whatever modes their authors had. */
function tidyModes(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      chmodSync(file, 0o755);
      tidyModes(file);
    } else if (entry.isFile()) chmodSync(file, file.endsWith('ratatoskr/dist/cli.js') ? 0o755 : 0o644);
  }
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 4096), 0);
}
