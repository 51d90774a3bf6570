import net from 'node:net';
import { systemClock } from '../../../src/core/clock.js';
import { describeError } from '../../../src/core/errors.js';
import type { Logger } from '../../../src/core/logger.js';
import { systemRandom } from '../../../src/core/random.js';
import { gatewayFinder } from '../../../src/discovery/gateway/default-gateway.js';
import { natPmp } from '../../../src/discovery/gateway/nat-pmp.js';
import { pcp } from '../../../src/discovery/gateway/pcp.js';
import { PortMapper } from '../../../src/discovery/gateway/port-mapper.js';
import { upnpIgd } from '../../../src/discovery/gateway/upnp-igd.js';
import { createSystemNet } from '../../../src/native/system-net.js';

// Runs on a host of the laboratory: serves a TCP port, has it mapped and says what happens, one JSON object a line.
// A port of 0 maps nothing and only recovers what an earlier run left behind. SIGTERM gives the mapping back;
// SIGUSR2 does, too, and the port is served on.
const {
  stateDir,
  port,
  lifetimeSeconds,
  checkIntervalMs,
  family = 4,
} = JSON.parse(process.argv[2] ?? '{}') as {
  stateDir: string;
  port: number;
  lifetimeSeconds?: number;
  checkIntervalMs?: number;
  family?: 4 | 6;
};

const say = (event: string, fields: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const logger = (name: string, fields: object = {}) => say(name, fields);
const log = { debug: logger, info: logger, warn: logger, error: logger } as Logger;
const system = createSystemNet();
const mapper = new PortMapper({
  services: { net: system, clock: systemClock, random: systemRandom, log },
  protocols: [pcp, natPmp, upnpIgd()],
  findGateway: gatewayFinder(system),
  stateDir,
  journalName: 'port-mapping',
  ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
  ...(checkIntervalMs === undefined ? {} : { checkIntervalMs }),
});
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(`echo ${data}`));
});

process.once('SIGUSR2', () => void mapper.close());
process.once('SIGTERM', async () => {
  await mapper.close();
  say('closed');
  process.exit(0);
});

await mapper.recover();
say('recovered');
if (port > 0) {
  await new Promise<void>((resolve) => server.listen(port, family === 6 ? '::' : '0.0.0.0', resolve));
  const startedAt = performance.now();
  try {
    const wanted = { transport: 'tcp', internalPort: port, family } as const;
    const { external, protocol } = await mapper.map(wanted, new AbortController().signal);
    say('mapped', { external, protocol, afterMs: Math.round(performance.now() - startedAt) });
  } catch (error) {
    say('failed', describeError(error));
    await mapper.close();
    say('closed', { afterMs: Math.round(performance.now() - startedAt) });
    process.exit(0);
  }
}
