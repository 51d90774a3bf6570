// Bundles the message codec of the npm package `stun`, and nothing else of it, into vendor/stun-codec.cjs, so that those who
// install ratatoskr get neither its socket code nor its outdated dependencies.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

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

await bundle({
  folder: root,
  entry,
  outfile: path.join(root, 'vendor', 'stun-codec.cjs'),
  packages: [
    'binary-data',
    'buffer-xor',
    'generate-function',
    'ip2buf',
    'is-plain-object',
    'is-property',
    'isobject',
    'safe-buffer',
    'stun',
    'turbo-crc32',
  ],
  instead: { ip: ipToString },
  banner: 'The message codec of npm `stun` and what it needs',
});
