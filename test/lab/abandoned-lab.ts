import { readFileSync, readlinkSync } from 'node:fs';
import { Lab } from './lab.js';

// Builds a laboratory and leaves it to the end of this process: a fixture for tests of what then remains.
// Prints one line of JSON: the namespace holder, and whether each part worked.
const lab = await Lab.create({ a: 'prc', b: 'sym', links: { a: 1, b: 1, p: 1 } });
await lab.settled();
const ping = lab.a.pingStream(lab.b.router.address);
await ping.reply(() => true, { timeoutMs: 20_000 });
const { received } = await lab.a.ping('20.0.9.2', { count: 1 });
const capabilities = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
const report = {
  pid: lab.pid,
  pidNamespace: readlinkSync(`/proc/${lab.pid}/ns/pid`),
  uid: process.getuid?.(),
  capabilities,
  received,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
if (process.argv.includes('--close')) {
  await lab.close();
} else {
  setInterval(() => undefined, 1000);
}
