import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../test/lab/lab.js';
import { publicAddresses } from '../../test/lab/topology.js';
import type { BenchOptions } from '../case.js';
import { separate, untilPeered } from './peering.js';
import { rivals } from './rivals.js';

/** A way for the traffic between the two routers of a laboratory. */
export interface Carrier {
  readonly name: string;
  /** Whether it waits for a session and bridges it; otherwise it is there from the start. */
  readonly bridges: boolean;
  /** Starts what it takes. */
  start(lab: Lab): Promise<StartedCarrier>;
}

export interface StartedCarrier {
  /** What carries beside the routers. */
  readonly agents: readonly Worker[];
  /** Takes it away, and whatever it left; resolves when the routers are apart. */
  close(): Promise<void>;
}

/** Something whose cost counts. */
export interface Worker {
  cpuSeconds(): Promise<number>;
}

/** Everything else is told as a part of this. */
export const yardstick = 'direct tcp';

/** A bridge that Node's streams carry, as on a platform without the addon. */
export const streamsCarrier = 'tcp-hole-punching, without the addon';

/** Where one end allows no tunnel. */
const udxCarrier = 'udp-hole-punching, by udx';

const quicPort = 7003;
/** What the carriers need of both routers: a listener for quic, and for yggdrasil-jumper to know whom to ask. */
export const routerConfig = { listen: [`quic://0.0.0.0:${quicPort}`], nodeInfo: { jumper: true } };

/** Those of every run, and the rivals whose programs are there. */
export function carriers(options: BenchOptions): readonly Carrier[] {
  const relayed = ['--relay', 'always', '--turn', `turn:lab:lab@${publicAddresses[0]}:3478`];
  return [
    directPeering(yardstick, 'tcp', 7002),
    directPeering('direct quic', 'quic', quicPort),
    bridge('tcp-hole-punching'),
    bridge('tcp-hole-punching', { name: streamsCarrier, env: { RATATOSKR_NATIVE: 'off' } }),
    bridge('port-mapping'),
    bridge('udp-hole-punching'),
    bridge('udp-hole-punching', { name: udxCarrier, options: { carriers: ['udx'] } }),
    bridge('relay', { args: relayed }),
    ...rivals(options),
  ];
}

/** Resolves when both routers have the link. There is a session meanwhile, for those who wait for one. */
export async function openCarrier(lab: Lab, carrier: Carrier): Promise<StartedCarrier> {
  const started = await carrier.start(lab);
  const ping = lab.a.pingStream(lab.b.router.address);
  try {
    await untilPeered(lab);
    return started;
  } catch (error) {
    await started.close();
    throw error;
  } finally {
    await ping.stop();
  }
}

/** As their operators would peer the routers if there were no NAT in the way. */
function directPeering(name: string, scheme: 'tcp' | 'quic', port: number): Carrier {
  return {
    name,
    bridges: false,
    async start(lab) {
      // The NAT in front of b lets everybody in.
      await lab.a.router.admin('addpeer', { uri: `${scheme}://20.0.2.2:${port}` });
      return { agents: [], close: () => separate(lab) };
    },
  };
}

interface BridgeOptions {
  /** @default the strategy's */
  readonly name?: string;
  /** More arguments of both agents. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The strategy's own. */
  readonly options?: object;
}

function bridge(strategy: string, { name = strategy, args = [], env = {}, options = {} }: BridgeOptions = {}): Carrier {
  return {
    name,
    bridges: true,
    async start(lab) {
      const agents = [lab.a, lab.b].map((host) => {
        writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ strategies: [{ use: strategy, options }] }));
        return host.agent({ env, args: ['--config', `${host.insideFolder}/agent.conf`, ...args] });
      });
      const close = async () => {
        await Promise.all(agents.map((agent) => agent.terminate()));
        await separate(lab);
      };
      await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
      return { agents, close };
    },
  };
}
