// Bundles the message codec of the npm package `stun`, and nothing else of it, into vendor/stun-codec.cjs, so that those who
// install ratatoskr get neither its socket code nor its outdated dependencies.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = 'stun/src/node_modules';

const entry = `
const { messageType, attributeType } = require('${source}/lib/constants');
module.exports = {
  messageType,
  attributeType,
  createMessage: require('${source}/lib/create-message').createMessage,
  encode: require('${source}/message/encode'),
  decode: require('${source}/message/decode'),
};`;

// All that the codec calls of the package `ip`, which has an unfixed advisory elsewhere.
const ipToString = `
exports.toString = (bytes) =>
  bytes.length === 4
    ? Array.from(bytes).join('.')
    : Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16)).join(':');`;

const replaceIp = {
  name: 'replace-ip',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^ip$/ }, () => ({ path: 'ip', namespace: 'replacement' }));
    onLoad({ filter: /.*/, namespace: 'replacement' }, () => ({ contents: ipToString, loader: 'js' }));
  },
};

const { metafile } = await build({
  stdin: { contents: entry, resolveDir: root, loader: 'js', sourcefile: 'stun-codec.js' },
  absWorkingDir: root,
  outfile: path.join(root, 'vendor', 'stun-codec.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  metafile: true,
  logLevel: 'warning',
  plugins: [replaceIp],
  banner: { js: '/* The message codec of npm `stun` and what it needs; licences in LICENSES.txt beside this file. */' },
});

// The outermost package of a path: `stun` keeps folders of its own called node_modules.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((input) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
);
const unwanted = [...packages].filter((name) => ['ip', 'meow', 'parse-url', 'debug'].includes(name));
if (unwanted.length > 0) throw new Error(`the bundle would contain ${unwanted.join(', ')}`);

const licences = [...packages].sort().map((name) => {
  const folder = path.join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entryName) => /^licen[cs]e/i.test(entryName));
  if (file === undefined) throw new Error(`${name} comes without the text of its licence`);
  return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
});
mkdirSync(path.join(root, 'vendor'), { recursive: true });
writeFileSync(path.join(root, 'vendor', 'LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));
