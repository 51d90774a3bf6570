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
import { openPorts } from './birthday.js';
import { carriers, quicListener } from './carriers.js';
import { ProbeBudget } from './probe-budget.js';
import { PunchingAttempt } from './punching-attempt.js';

const name = 'udp-hole-punching';
/** Ports that all attempts together may open at once for birthdays, so that many peers do not use the descriptors up. */
const maxOpenPorts = 2 * openPorts;

const options = z.strictObject({
  /** The preferred first. A path has one that both ends have enabled; quic takes a listener at one end. */
  carriers: z.array(z.enum(carriers)).min(1).max(carriers.length).default(['udx']),
  quicListener: quicListener.optional(),
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

  constructor(
    private readonly chosen: Options,
    private readonly services: StrategyServices,
  ) {
    this.probeBudget = new ProbeBudget(services.clock);
  }

  async probe(): Promise<Probe> {
    return this.services.reliableUdp ? { usable: 'unknown' } : { usable: 'no', reason: missing };
  }

  async attempt(context: AttemptContext): Promise<Path> {
    const { reliableUdp } = this.services;
    if (!reliableUdp) throw new StrategyError('RELIABLE_UDP_MISSING', missing);
    return new PunchingAttempt(context, this.services, reliableUdp, this.chosen, {
      lendPorts: (wanted) => this.lendPorts(wanted),
      allowProbes: (count) => this.probeBudget.take(context.peer.key, count),
    }).run();
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
