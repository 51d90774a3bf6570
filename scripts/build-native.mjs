// Builds src/native/addon into build/Release/ratatoskr.node, with the compiler that CXX names (arguments and all), or the system's.
//   node scripts/build-native.mjs [--optional] [--sanitize address,undefined] [--output FILE]
// --optional            a failure is explained and forgiven: the agent runs without the addon, with less
// --sanitize <list>     an instrumented build, to build/Sanitize/ instead
// --output <file>       to there instead
//
// It calls the C++ compiler itself. node-gyp would need python, make and a download of Node's headers; an addon that keeps to
// Node-API needs none of them, for node-addon-api and node-api-headers carry the headers and the symbols come from node.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const parallelCompilers = 2;
const root = fileURLToPath(new URL('..', import.meta.url));
const sources = path.join(root, 'src/native/addon');
const require = createRequire(import.meta.url);
const run = promisify(execFile);

const { values: options } = parseArgs({
  options: { optional: { type: 'boolean', default: false }, sanitize: { type: 'string' }, output: { type: 'string' } },
});

try {
  const { file, built } = await build();
  console.log(`${path.relative(root, file)} ${built ? 'built' : 'is up to date'}`);
} catch (error) {
  console.error(`The native addon was not built: ${error instanceof Error ? error.message : error}`);
  if (options.optional) {
    console.error(
      'The agent runs without it, but: no listening and connecting on one port (fewer NATs are crossed by TCP), ' +
        'no check of who opens a bridge socket, no TCP timeouts and congestion control of our own.',
    );
  } else {
    process.exitCode = 1;
  }
}

async function build() {
  if (process.platform !== 'linux') throw new Error(`it supports Linux only, and this is ${process.platform}.`);
  const compiler = findCompiler();
  const flags = compilerFlags();
  const file = path.resolve(root, options.output ?? `build/${options.sanitize ? 'Sanitize' : 'Release'}/ratatoskr.node`);
  const directory = path.dirname(file);
  const stamp = file.replace(/\.node$/, '.stamp');
  const fingerprint = fingerprintOf([...compiler, ...flags]);
  if (existsSync(file) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return { file, built: false };

  mkdirSync(directory, { recursive: true });
  // A folder of its own, and a rename at the end: two builds at once cannot mix, and no reader meets half a file.
  const work = mkdtempSync(path.join(directory, '.building-'));
  try {
    const units = readdirSync(sources).filter((name) => name.endsWith('.cc'));
    const objects = units.map((name) => path.join(work, `${name}.o`));
    const waiting = units.map((name, i) => [...flags, '-c', path.join(sources, name), '-o', objects[i]]);
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await compile(compiler, next);
    };
    await Promise.all(Array.from({ length: parallelCompilers }, worker));
    const linked = path.join(work, 'ratatoskr.node');
    await compile(compiler, [...flags, '-shared', ...(options.sanitize ? [] : ['-s']), ...objects, '-o', linked]);
    renameSync(linked, file);
    writeFileSync(path.join(work, 'stamp'), fingerprint);
    renameSync(path.join(work, 'stamp'), stamp);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { file, built: true };
}

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX.trim().split(/\s+/)] : [['g++'], ['c++'], ['clang++']];
  const found = candidates.find(([name, ...args]) => spawnSync(name, [...args, '--version'], { stdio: 'ignore' }).status === 0);
  if (found) return found;
  const names = candidates.map((words) => words.join(' ')).join(', ');
  throw new Error(`no C++ compiler (looked for ${names}); install one, such as Debian's package g++.`);
}

function compilerFlags() {
  const include = (directory) => ['-isystem', directory];
  const common = ['-std=c++20', '-fPIC', '-pthread', '-fno-exceptions', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror'];
  const defines = [
    '-DNAPI_VERSION=8',
    '-DNAPI_DISABLE_CPP_EXCEPTIONS',
    '-DNODE_ADDON_API_DISABLE_DEPRECATED',
    // A worker thread that is being terminated can take no exception; without this, throwing one ends the process.
    '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  ];
  const headers = [...include(require('node-addon-api').include_dir), ...include(require('node-api-headers').include_dir)];
  if (!options.sanitize) return [...common, '-O2', ...defines, ...headers];
  const sanitizers = [`-fsanitize=${options.sanitize}`, '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
  return [...common, '-O1', '-g', ...sanitizers, ...defines, ...headers];
}

/** Of everything that shapes the result: an edit, another compiler or another header package means another one. */
function fingerprintOf(command) {
  const hash = createHash('sha256').update(command.join('\n'));
  for (const name of readdirSync(sources).sort()) hash.update(name).update(readFileSync(path.join(sources, name)));
  for (const name of ['node-addon-api', 'node-api-headers']) hash.update(require(`${name}/package.json`).version);
  return hash.digest('hex');
}

async function compile([compiler, ...first], args) {
  try {
    await run(compiler, [...first, ...args], { maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    throw new Error(`${compiler} failed:\n${error.stderr || error.message}`);
  }
}
