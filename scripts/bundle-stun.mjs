// Bundles the message codec of the npm package `stun`, and nothing else of it, into vendor/stun-codec.cjs, so that those who
// install ratatoskr get neither its socket code nor its outdated dependencies.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundledPackages, licencesOf } from './licences.mjs';

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

const packages = bundledPackages(metafile);
const unwanted = packages.filter((name) => ['ip', 'meow', 'parse-url', 'debug'].includes(name));
if (unwanted.length > 0) throw new Error(`the bundle would contain ${unwanted.join(', ')}`);

mkdirSync(path.join(root, 'vendor'), { recursive: true });
writeFileSync(path.join(root, 'vendor', 'LICENSES.txt'), licencesOf(packages, root));
