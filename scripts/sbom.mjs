// npm run sbom > sbom.json: what users get with the npm package, in CycloneDX. Resolved as it is for them, by an install of the tarball:
// our lock file and our overrides do not reach them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ownVersion } from './setup/project.mjs';
import { main, run } from './setup/step.mjs';
import { installTarball, packTarball } from './setup/tarball.mjs';

await main(async () => {
  const work = mkdtempSync(path.join(tmpdir(), 'ratatoskr-sbom-'));
  try {
    const home = path.join(work, 'installation');
    installTarball(packTarball(work), home, { name: 'ratatoskr-installation', version: ownVersion() });
    process.stdout.write(run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'], { cwd: home }));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return 0;
});
