/**
 * One end of a stream over UDP, as a program of the laboratory; says what happens as JSON lines.
 *   end.ts SIDE LOCAL-PORT REMOTE-ADDRESS REMOTE-PORT TASK [BYTES]
 * Tasks: exchange sends BYTES at random and reads to the end; push writes BYTES; stall never reads; ask sends a byte each 50 ms and
 * reports answers; answer returns what comes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/core/clock.js';
import { systemRandom } from '../../../src/core/random.js';
import { createUdx } from '../../../src/native/udx/create-udx.js';

const [side = '', localPort = '', address = '', remotePort = '', task = '', bytes = '0'] = process.argv.slice(2);
const say = (event: string, facts: object = {}) => console.log(JSON.stringify({ event, ...facts }));
const total = Number(bytes);

const { udp } = createUdx({ clock: systemClock, random: systemRandom });
if (!udp) throw new Error('no udx here');
const descriptors = () => readdirSync('/proc/self/fd').length;
const before = descriptors();
const socket = await udp.bind({ local: { address: '0.0.0.0', port: Number(localPort) }, onMessage: () => {} });
const ids = side === 'a' ? [0x1111aaaa, 0x2222bbbb] : [0x2222bbbb, 0x1111aaaa];
const [localId = 0, remoteId = 0] = ids;
const remote = { address, port: Number(remotePort) };
const stream = socket.open({ remote, localId, remoteId, key: new Uint8Array(32).fill(9) });
stream.on('error', (error) => say('error', { code: (error as NodeJS.ErrnoException).code }));
stream.on('close', () => {
  void socket.close().then(() => say('closed', { descriptorsLeft: descriptors() - before }));
});
say('ready');

if (task === 'exchange') await exchange();
else if (task === 'push') await push();
else if (task === 'stall') await stall();
else if (task === 'ask') await ask();
else stream.pipe(stream);

async function exchange(): Promise<void> {
  const payload = randomBytes(total);
  say('sending', { sha256: createHash('sha256').update(payload).digest('hex') });
  const hash = createHash('sha256');
  let received = 0;
  const startedAt = performance.now();
  stream.on('data', (data: Buffer) => {
    received += data.length;
    hash.update(data);
  });
  stream.end(payload);
  await once(stream, 'end');
  say('received', { bytes: received, sha256: hash.digest('hex'), seconds: (performance.now() - startedAt) / 1000 });
}

async function push(): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024);
  for (let written = 0; written < total; written += chunk.length) {
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), delay(2000)]);
    if (stream.writableNeedDrain) {
      say('blocked', { written: written + chunk.length });
      return;
    }
  }
  say('pushed');
}

async function stall(): Promise<void> {
  await once(stream, 'readable');
  const rss = () => process.memoryUsage().rss;
  const start = rss();
  for (let look = 0; look < 8; look++) {
    await delay(500);
    say('memory', { grown: rss() - start, look });
  }
}

async function ask(): Promise<void> {
  let answers = 0;
  stream.on('data', (data: Buffer) => {
    answers += data.length;
    say('answers', { answers });
  });
  while (!stream.destroyed) {
    stream.write('?');
    await delay(50);
  }
}
