import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/core/clock.js';
import { describeError } from '../../../src/core/errors.js';
import type { Logger } from '../../../src/core/logger.js';
import { Proofs } from '../../../src/core/proof.js';
import { systemRandom } from '../../../src/core/random.js';
import { readExactly } from '../../../src/core/read-exactly.js';
import type { AttemptChannel, Path, Role, StrategyDefinition } from '../../../src/core/strategy.js';
import { loadAddon } from '../../../src/native/addon.js';
import { createSystemNet } from '../../../src/native/system-net.js';
import { createUdx } from '../../../src/native/udx/create-udx.js';
import { tcpHolePunching } from '../../../src/strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from '../../../src/strategies/udp-hole-punching/index.js';
import type { PunchReport } from './punch-pair.js';

// One end of hole punching without routers and agents. A unix socket is the overlay: one connection an attempt.
// Arguments: strategy, role, socket, attempts, overlay round trip in milliseconds, STUN servers with commas. Prints a line of JSON an
// attempt.
const [name = '', role = 'controlling', socketPath = '', attempts = '1', overlayRtt = '0', stun = ''] = process.argv.slice(2);
const overlayRttMs = Number(overlayRtt);
const total = Number(attempts);

const seen: { plan?: string; mapping?: string; sent?: number; durationMs?: number } = {};
const note = (event: string, fields: Record<string, unknown> = {}) => {
  if (event === 'udp.plan') seen.mapping = String(fields.own);
  if (event === 'udp.checked') Object.assign(seen, fields);
  if (event === 'punch.done') Object.assign(seen, { plan: fields.plan, sent: fields.begun, durationMs: fields.ms });
};
const log: Logger = { debug: note, info: note, warn: note, error: note };

const { udp } = createUdx({ clock: systemClock, random: systemRandom });
const definitions = [udpHolePunching as StrategyDefinition, tcpHolePunching as StrategyDefinition];
const definition = definitions.find((each) => each.name === name);
if (!definition) throw new Error(`there is no ${name}`);
const createStrategy = () =>
  definition.create(definition.options.parse({}), {
    net: createSystemNet(loadAddon()),
    clock: systemClock,
    random: systemRandom,
    log,
    addresses: { stunServers: stun.split(',') },
    stateDir: '',
    ...(udp ? { reliableUdp: udp } : {}),
  });

if (role === 'controlled') {
  rmSync(socketPath, { force: true });
  const server = net.createServer().listen(socketPath);
  for (let attempt = 0; attempt < total; attempt++) {
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    await meet(attempt, 'controlled', socket);
  }
  server.close();
} else {
  for (let attempt = 0; attempt < total; attempt++) await meet(attempt, 'controlling', await connect());
}

async function connect(): Promise<net.Socket> {
  for (;;) {
    const socket = net.connect(socketPath);
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      await delay(20);
    }
  }
}

async function meet(attempt: number, own: Role, socket: net.Socket): Promise<void> {
  socket.on('error', () => undefined);
  const ended = Promise.race([once(socket, 'done'), once(socket, 'close')]);
  const startedAt = systemClock.now();
  const report: PunchReport = { attempt, role: own, openMs: 0 };
  let path: Path | undefined;
  const signal = AbortSignal.timeout(15_000);
  const secret = createHash('sha256').update(`${socketPath} ${attempt}`).digest();
  const proofs = new Proofs(own, secret, systemClock, signal);
  try {
    // Each with what it may send, as if it were the first.
    path = await createStrategy().attempt({
      signal,
      role: own,
      peer: { key: '', address: '' },
      secret,
      overlayRttMs,
      channel: channelOver(socket),
      prove: (stream, options) => proofs.prove(stream, options),
    });
    if (!proofs.path) await proofs.prove(path, { speakFirst: true });
    path.on('error', () => undefined);
    Object.assign(report, { openMs: systemClock.now() - startedAt, info: path.info });
    path.write(own);
    const other = own === 'controlling' ? 'controlled' : 'controlling';
    const said = await readExactly(path, other.length, AbortSignal.timeout(5000));
    Object.assign(report, { said: String(said) });
  } catch (error) {
    Object.assign(report, { openMs: systemClock.now() - startedAt, ...describeError(error) });
  }
  process.stdout.write(`${JSON.stringify({ ...seen, ...report })}\n`);
  for (const key of Object.keys(seen)) delete seen[key as keyof typeof seen];
  // The other end may still be reading.
  socket.write('"done"\n');
  await ended;
  path?.destroy();
  socket.destroy();
}

/** Messages of one attempt, as late as over an overlay. */
function channelOver(socket: net.Socket): AttemptChannel {
  const waiting: unknown[] = [];
  const readers: ((message: unknown) => void)[] = [];
  createInterface({ input: socket }).on('line', (line) => {
    const message: unknown = JSON.parse(line);
    if (message === 'done') {
      socket.emit('done');
      return;
    }
    const reader = readers.shift();
    if (reader) reader(message);
    else waiting.push(message);
  });
  return {
    send: async (message) => {
      setTimeout(() => socket.write(`${JSON.stringify(message)}\n`), overlayRttMs / 2);
    },
    receive: () => (waiting.length > 0 ? Promise.resolve(waiting.shift()) : new Promise((resolve) => readers.push(resolve))),
  };
}
