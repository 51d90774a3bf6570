// npm run prebuilds [-- TARGET...]: makes prebuilds/TARGET.node, the native addon as it goes into the npm package, for all targets or those
// named.
//   --here   takes the addon that was built for this machine by its own compiler instead: quick, and for nobody else
//
// One compiler makes them all on any Linux: zig's clang, which brings glibc's and musl's symbols. Its libc++ is linked in, so that the
// addon needs nothing of the system but libc.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './setup/cache.mjs';
import { checkNode, installDependencies, root } from './setup/project.mjs';
import { main, SetUpError, say } from './setup/step.mjs';
import { findZig } from './setup/zig.mjs';

/** By what src/native/addon.ts looks for. glibc 2.17 is of 2012; Node 20 itself wants 2.28. */
const triples = {
  'linux-x64-glibc': 'x86_64-linux-gnu.2.17',
  'linux-arm64-glibc': 'aarch64-linux-gnu.2.17',
  'linux-x64-musl': 'x86_64-linux-musl',
  'linux-arm64-musl': 'aarch64-linux-musl',
};

await main(async () => {
  const { values, positionals } = parseArgs({ options: { here: { type: 'boolean', default: false } }, allowPositionals: true });
  checkNode();
  if (values.here) {
    const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
    const file = path.join(root, `prebuilds/linux-${process.arch}-${libc}`);
    mkdirSync(path.dirname(file), { recursive: true });
    copyFileSync(path.join(root, 'build/Release/ratatoskr.node'), `${file}.node`);
    // It is not what the compiler of all made last time.
    rmSync(`${file}.stamp`, { force: true });
    return 0;
  }
  installDependencies();
  const unknown = positionals.filter((name) => !(name in triples));
  if (unknown.length > 0)
    throw new SetUpError(`No such target: ${unknown.join(', ')}. There are ${Object.keys(triples).join(', ')}.`);
  // On PATH, because a path in CXX could hold a space.
  const PATH = `${await findZig()}${path.delimiter}${process.env.PATH}`;
  const ZIG_GLOBAL_CACHE_DIR = path.join(cacheFolder(), 'zig-cache');
  for (const target of positionals.length > 0 ? positionals : Object.keys(triples)) {
    say(`building for ${target}`);
    const code = build(target, { ...process.env, PATH, ZIG_GLOBAL_CACHE_DIR, CXX: `zig c++ -target ${triples[target]}` });
    if (code !== 0) return code;
  }
  return 0;
});

function build(target, env) {
  const args = [path.join(root, 'scripts/build-native.mjs'), '--output', `prebuilds/${target}.node`];
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}
