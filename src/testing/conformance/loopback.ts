import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { systemRandom } from '../../core/random.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { StunResponder } from '../../discovery/stun/responder.js';
import { loadAddon } from '../../native/addon.js';
import { createSystemNet } from '../../native/system-net.js';
import { createUdx } from '../../native/udx/create-udx.js';
import { hurriedClock } from './hurried-clock.js';
import { LoopbackMachine } from './loopback-machine.js';
import type { ConformanceNetwork, ConformanceNetworks, Place } from './network.js';

/** How much faster the clock goes than the machine's: a deadline of ten seconds passes in two and a half. */
const hurry = 4;

let machines = process.pid % 1000;

/** The system's own sockets on its loopback: public hosts alone, and no packet is ever lost. */
export const loopback: ConformanceNetworks = {
  name: 'loopback',
  situations: ['public'],
  losesPackets: false,
  async open(): Promise<ConformanceNetwork> {
    const system = createSystemNet(loadAddon());
    const clock = hurriedClock(systemClock, hurry);
    const random = systemRandom;
    const { udp } = createUdx({ clock, random });
    const folder = await mkdtemp(join(tmpdir(), 'ratatoskr-conformance-'));
    const machine = () => new LoopbackMachine(++machines);
    const responder = machine();
    const stun = { address: responder.address, port: 3478 };
    const responding = await StunResponder.open({
      net: responder.net(system),
      clock,
      listen: stun,
      limits: { perSecond: 10_000, burst: 10_000 },
    });
    const place = (name: string): Place => {
      const own = machine();
      return {
        net: own.net(system),
        clock,
        random,
        stateDir: join(folder, name),
        addresses: { stunServers: [formatEndpoint(stun)] },
        ...(udp ? { reliableUdp: own.reliableUdp(udp) } : {}),
      };
    };
    const server = machine();
    return {
      places: [place('first'), place('other')],
      server: { net: server.net(system), clock, address: server.address },
      clock,
      until: (promise, timeoutMs) =>
        withDeadline(promise, { clock, timeoutMs, expired: () => new Error(`Nothing came of it within ${timeoutMs} ms.`) }),
      cut() {
        throw new Error('The loopback loses no packets.');
      },
      mappings: () => [],
      async close() {
        await responding.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
