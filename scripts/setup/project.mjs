import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, SetUpError, say } from './step.mjs';

/** The project's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
const oldestNode = 20;
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** The version in package.json. */
export function ownVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

export function checkNode() {
  if (Number(process.versions.node.split('.')[0]) >= oldestNode) return;
  throw new SetUpError(`Node ${process.versions.node} is too old: ratatoskr needs Node ${oldestNode} or newer.`);
}

/** `npm ci`, when what is installed is older than the lock file. */
export function installDependencies() {
  if (changedAt('node_modules/.package-lock.json') >= changedAt('package-lock.json')) return;
  say('installing dependencies with npm ci');
  run(npm, ['ci', '--no-audit', '--no-fund'], { cwd: root });
}

/** `npm run build`, when a source is newer than what was built last. */
export function build() {
  const plugins = readdirSync(join(root, 'plugins'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const inPlugins = (file) => plugins.map(({ name }) => `plugins/${name}/${file}`);
  const sources = [
    'src',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build-native.mjs',
    'scripts/build-page.mjs',
    ...['bundle', 'bundle-nat-upnp', 'bundle-stun'].map((name) => `scripts/${name}.mjs`),
    ...inPlugins('src'),
  ];
  const built = ['dist/cli.js', 'dist/page/page.js', ...inPlugins('dist/index.js')];
  if (Math.min(...built.map(changedAt)) >= Math.max(...sources.map(changedAt))) return;
  say('building');
  run(npm, ['run', 'build'], { cwd: root });
}

/** Milliseconds since the epoch of a file's last change, or of the newest file in a folder; -Infinity when it is missing. */
function changedAt(name) {
  const path = join(root, name);
  if (!existsSync(path)) return Number.NEGATIVE_INFINITY;
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs;
  return Math.max(...readdirSync(path).map((entry) => changedAt(join(name, entry))));
}
