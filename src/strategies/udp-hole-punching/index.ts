import { z } from 'zod';
import { StrategyError } from '../../core/errors.js';
import {
  type AttemptContext,
  defineStrategy,
  type Path,
  type Probe,
  type Strategy,
  type StrategyServices,
} from '../../core/strategy.js';
import { sealOption } from '../../discovery/seal-option.js';
import { openPorts } from './birthday.js';
import { type Carrier, carriers, quicListener } from './carriers.js';
import { ProbeBudget } from './probe-budget.js';
import { PunchingAttempt } from './punching-attempt.js';

const name = 'udp-hole-punching';
/** Ports that all attempts together may open at once for birthdays, so that many peers do not use the descriptors up. */
const maxOpenPorts = 2 * openPorts;
/** Peers of whose tunnels something is remembered. */
const maxTunnelFailures = 1000;

const options = z.strictObject({
  carriers: z
    .array(z.enum(carriers))
    .min(1)
    .max(carriers.length)
    .default(['tunnel', 'udx'])
    .describe(
      'What may take the routers’ bytes over the punched port, the preferred first; a path has one that both ends can use. A tunnel takes what the system allows, quic a listener at one end.',
    ),
  quicListener: quicListener.optional().describe('Where this machine’s router listens for quic, such as "127.0.0.1:9002".'),
  seal: sealOption,
});
type Options = z.infer<typeof options>;

/**
 * UDP hole punching (RFC 5128 §3.3) with connectivity checks after ICE (RFC 8445), port prediction, and the birthday paradox
 * against a NAT with random ports. A reliable stream over the punched sockets is the path.
 */
export const udpHolePunching = defineStrategy({
  name,
  apiVersion: 1,
  options,
  create: (chosen, services) => new UdpHolePunching(chosen, services),
});

class UdpHolePunching implements Strategy {
  readonly name = name;
  private openPortsLeft = maxOpenPorts;
  private readonly probeBudget: ProbeBudget;
  /** Keys of peers with which there was to be a tunnel, and none came. */
  private readonly tunnelFailures = new Set<string>();

  constructor(
    private readonly chosen: Options,
    private readonly services: StrategyServices,
  ) {
    this.probeBudget = new ProbeBudget(services.clock);
  }

  async probe(): Promise<Probe> {
    if (!this.services.reliableUdp) return { usable: 'no', reason: missing };
    const reason = await this.lackOfTunnels();
    return { usable: 'unknown', ...(reason ? { reason } : {}) };
  }

  async attempt(context: AttemptContext): Promise<Path> {
    const { reliableUdp } = this.services;
    if (!reliableUdp) throw new StrategyError('RELIABLE_UDP_MISSING', missing);
    const chosen = { ...this.chosen, carriers: await this.usableCarriers(context.peer.key) };
    const attempt = new PunchingAttempt(context, this.services, reliableUdp, chosen, {
      lendPorts: (wanted) => this.lendPorts(wanted),
      allowProbes: (count) => this.probeBudget.take(context.peer.key, count),
    });
    try {
      return await attempt.run();
    } catch (error) {
      if (error instanceof StrategyError && error.code === 'TUNNEL_FAILED') this.remember(context.peer.key);
      throw error;
    }
  }

  private async usableCarriers(peer: string): Promise<readonly Carrier[]> {
    const lack = await this.lackOfTunnels();
    if (lack) this.services.log.debug('udp.tunnel', { lack });
    const without = lack !== undefined || this.tunnelFailures.has(peer);
    return this.chosen.carriers.filter((carrier) => !without || carrier !== 'tunnel');
  }

  /** Where a tunnel is wanted: why there can be none. */
  private async lackOfTunnels(): Promise<string | undefined> {
    if (!this.chosen.carriers.includes('tunnel')) return undefined;
    const { kernelTunnels } = this.services;
    return kernelTunnels ? await kernelTunnels.lack() : 'A tunnel takes the native addon.';
  }

  /** The next attempts go without a tunnel, which something on the way may not let through. */
  private remember(peer: string): void {
    const [oldest] = this.tunnelFailures;
    if (oldest !== undefined && this.tunnelFailures.size >= maxTunnelFailures) this.tunnelFailures.delete(oldest);
    this.tunnelFailures.add(peer);
  }

  private lendPorts(wanted: number): { readonly count: number; giveBack(): void } {
    const count = Math.min(wanted, this.openPortsLeft);
    this.openPortsLeft -= count;
    return {
      count,
      giveBack: () => {
        this.openPortsLeft += count;
      },
    };
  }
}

const missing = 'Nothing on this system makes a reliable stream of UDP datagrams.';
