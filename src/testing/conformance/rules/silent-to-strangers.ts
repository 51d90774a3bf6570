import type { Endpoint } from '../../../core/net.js';
import { Breach } from '../breach.js';
import type { End } from '../end.js';
import type { Rule } from '../rule.js';
import type { Trial } from '../trial.js';

/** How long the strategy has for opening its ports, in milliseconds. */
const openingMs = 3000;
/** How long a stranger listens, in milliseconds. */
const listeningMs = 1500;

export const silentToStrangers: Rule = {
  name: 'says nothing to a stranger who connects to its port',
  why: 'A port that answers can be found by scanning. What was accepted goes to prove() with speakFirst: false.',
  async check(trial) {
    const aborting = new AbortController();
    const conduct = { signal: aborting.signal, hear: () => new Promise<never>(() => {}) };
    trial.start({ controlling: conduct, controlled: conduct });
    await trial.sleep(openingMs);
    for (const end of trial.both) {
      for (const port of end.net.listening) await visit(port, end, trial);
    }
    aborting.abort(new DOMException('The test has seen enough.', 'AbortError'));
    await trial.expectNothingHeld('strangers have connected and the attempt was aborted');
  },
};

async function visit(port: Endpoint, { place, role }: End, trial: Trial): Promise<void> {
  const anywhere = port.address === '0.0.0.0' || port.address === '::';
  const family = port.address.includes(':') ? 6 : 4;
  const own = place.net.interfaces().find((each) => each.family === family && !each.internal)?.address;
  const address = anywhere ? own : port.address;
  if (address === undefined) return;
  const stream = await place.net.connectTcp({ remote: { address, port: port.port }, timeoutMs: 2000 }).catch(() => undefined);
  if (!stream) return;
  let heard = 0;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    heard += chunk.length;
  });
  stream.write(Buffer.alloc(36, 'x'));
  await trial.sleep(listeningMs);
  stream.destroy();
  if (heard > 0)
    throw new Breach(`a stranger hears nothing from port ${port.port} of the ${role} end`, `it heard ${heard} bytes`);
}
