import type { Lab } from '../../test/lab/lab.js';
import { publicAddresses } from '../../test/lab/topology.js';
import type { BenchOptions } from '../case.js';
import { separate, untilPeered } from './peering.js';
import { rivals } from './rivals.js';

/** A way for the traffic between the two routers of a laboratory. */
export interface Carrier {
  readonly name: string;
  /** Brings it up; resolves when both routers have the link. */
  open(lab: Lab): Promise<OpenCarrier>;
}

export interface OpenCarrier {
  /** What carries beside the routers. */
  readonly agents: readonly Worker[];
  /** Takes it away; resolves when the routers are apart. */
  close(): Promise<void>;
}

/** Something whose cost counts. */
export interface Worker {
  cpuSeconds(): Promise<number>;
}

/** Everything else is told as a part of this. */
export const yardstick = 'direct tcp';

/** Where both routers listen for a direct peering beside the laboratory's own ways. */
export const quicPort = 7003;

/** Those of every run, and the rivals whose programs are there. */
export function carriers(options: BenchOptions): readonly Carrier[] {
  const relayed = ['--relay', 'always', '--turn', `turn:lab:lab@${publicAddresses[0]}:3478`];
  return [
    directPeering(yardstick, 'tcp', 7002),
    directPeering('direct quic', 'quic', quicPort),
    bridge('tcp-hole-punching'),
    bridge('tcp-hole-punching', { note: 'without the addon', env: { RATATOSKR_NATIVE: 'off' } }),
    bridge('port-mapping'),
    bridge('udp-hole-punching'),
    bridge('relay', { args: relayed }),
    ...rivals(options),
  ];
}

/** As their operators would peer the routers if there were no NAT in the way. */
function directPeering(name: string, scheme: 'tcp' | 'quic', port: number): Carrier {
  return {
    name,
    async open(lab) {
      // The NAT in front of b lets everybody in.
      await lab.a.router.admin('addpeer', { uri: `${scheme}://20.0.2.2:${port}` });
      await untilPeered(lab, 20_000);
      return { agents: [], close: () => separate(lab) };
    },
  };
}

interface BridgeOptions {
  /** What the name adds to the strategy's. */
  readonly note?: string;
  /** More arguments of both agents. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

function bridge(strategy: string, { note, args = [], env = {} }: BridgeOptions = {}): Carrier {
  return {
    name: note ? `${strategy}, ${note}` : strategy,
    async open(lab) {
      const agents = [lab.a, lab.b].map((host) => host.agent({ env, args: ['--strategies', strategy, ...args] }));
      await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
      const ping = lab.a.pingStream(lab.b.router.address);
      try {
        await Promise.all(agents.map((agent) => agent.event('bridge.up', { timeoutMs: 60_000 })));
      } finally {
        await ping.stop();
      }
      const close = async () => {
        await Promise.all(agents.map((agent) => agent.terminate()));
        await separate(lab);
      };
      return { agents, close };
    },
  };
}
