// Runs a delaying front until it is killed. Arguments: its own place and the relay's as address:port, then the delays of each client as JSON.

import { parseHostPort } from '../../../src/core/config/host-port.js';
import { delayingFront, type FrontDelays } from './delaying-front.js';

const [own, relay] = [process.argv[2], process.argv[3]].map((text) => {
  const { host, port } = parseHostPort(text ?? '') ?? { host: '', port: 0 };
  return { address: host, port };
});
const delays = JSON.parse(process.argv[4] ?? '{}') as Record<string, FrontDelays>;
if (!own || !relay) throw new Error('a place is missing');
await delayingFront(relay, (client) => delays[client] ?? { toMs: 0, fromMs: 0 }, own);
console.log('ready');
