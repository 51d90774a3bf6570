// Bundles the status page into dist/page: a document, a script, a style sheet, an icon, and the licences of what the script contains.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundledPackages, licencesOf } from './licences.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = path.join(root, 'src', 'page');
const folder = path.join(root, 'dist', 'page');

const { metafile } = await build({
  entryPoints: [path.join(source, 'page.tsx'), path.join(source, 'page.css')],
  absWorkingDir: root,
  tsconfig: path.join(source, 'tsconfig.json'),
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  metafile: true,
  logLevel: 'warning',
});
mkdirSync(folder, { recursive: true });
for (const name of ['index.html', 'icon.svg']) copyFileSync(path.join(source, name), path.join(folder, name));
writeFileSync(path.join(folder, 'LICENSES.txt'), licencesOf(bundledPackages(metafile, root)));
