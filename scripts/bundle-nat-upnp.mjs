// Bundles the worker of ratatoskr-strategy-nat-upnp with the npm package nat-upnp into dist/worker.cjs of the plugin, so that those who
// install it get none of nat-upnp's dependencies: it is no longer maintained, and they have advisories that nobody will fix there.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const folder = fileURLToPath(new URL('../plugins/ratatoskr-strategy-nat-upnp', import.meta.url));

await bundle({
  folder,
  entry: "import './src/worker';",
  outfile: path.join(folder, 'dist', 'worker.cjs'),
  packages: ['nat-upnp', 'sax', 'xml2js'],
  instead: {
    request: "module.exports = require('./src/request').request;",
    xml2js: "exports.Parser = require('./src/xml-parser').XmlParser;",
    // For the list of all mappings only, which the worker never asks for.
    async: '',
  },
  banner: 'What ratatoskr-strategy-nat-upnp runs in a thread of its own, with nat-upnp and what it needs',
});
