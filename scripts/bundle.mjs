import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { bundledPackages, licencesOf } from './licences.mjs';

/**
 * Bundles CommonJS for Node, with the licences of what it contains in LICENSES.txt beside it: those who install it get no more of a
 * package than is used.
 * @param folder where `entry` and what stands in for packages look for files
 * @param entry text of the module to begin with
 * @param packages all that it may contain, and has to: nobody's audit sees inside a bundle
 * @param instead texts of CommonJS modules that stand in for packages, by the packages' names
 */
export async function bundle({ folder, entry, outfile, packages, instead, banner }) {
  const { metafile } = await build({
    stdin: { contents: entry, resolveDir: folder, loader: 'js' },
    absWorkingDir: folder,
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    metafile: true,
    logLevel: 'warning',
    plugins: [standIns(instead, folder)],
    banner: { js: `/* ${banner}; licences in LICENSES.txt beside this file. */` },
  });
  const bundled = bundledPackages(metafile, folder);
  const names = [...bundled.keys()].join(', ');
  if (names !== packages.join(', ')) throw new Error(`${outfile} would contain ${names}, and should ${packages.join(', ')}`);
  writeFileSync(path.join(path.dirname(outfile), 'LICENSES.txt'), licencesOf(bundled));
}

function standIns(instead, resolveDir) {
  return {
    name: 'stand-ins',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, ({ path: name }) =>
        Object.hasOwn(instead, name) ? { path: name, namespace: 'instead' } : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'instead' }, ({ path: name }) => ({ contents: instead[name], loader: 'js', resolveDir }));
    },
  };
}
