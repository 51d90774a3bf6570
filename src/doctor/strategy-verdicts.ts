import { z } from 'zod';
import type { StunAnswers } from './checks/stun.js';

export const verdictSchema = z.object({
  strategy: z.string(),
  usable: z.enum(['yes', 'no', 'unknown']).describe('unknown: only an attempt can tell'),
  code: z.string().nullable().describe('why it could not be loaded, as in docs/errors.md'),
  message: z.string().nullable().describe('why not, or what limits it'),
  help: z.string().nullable().describe('what to do'),
});
/** Can a strategy work on this machine? */
export type Verdict = z.infer<typeof verdictSchema>;

/** What a strategy says of itself. */
export interface StrategyProbe {
  readonly name: string;
  readonly usable: 'yes' | 'no' | 'unknown';
  readonly reason?: string;
  readonly code?: string;
  readonly help?: string;
}

/** What strategies say of themselves, and for those that punch holes what the STUN servers have shown. */
export function strategyVerdicts(probes: readonly StrategyProbe[], stun: StunAnswers | undefined): readonly Verdict[] {
  return probes.map(({ name: strategy, usable, reason = null, code = null, help = helps[strategy]?.(usable) ?? null }) => {
    const measured = usable === 'unknown' && reason === null && stun ? byStun[strategy]?.(stun) : undefined;
    return { strategy, usable, code, message: reason, help, ...measured };
  });
}

const byStun: Readonly<Record<string, (stun: StunAnswers) => Partial<Verdict>>> = {
  'tcp-hole-punching': ({ tcp }) =>
    tcp.mapped
      ? { usable: 'yes', message: 'STUN over TCP works.' }
      : {
          message: 'No STUN server answers over TCP: only peers on this network, or with a public address, can be met.',
          help: nameServers,
        },
  'udp-hole-punching': ({ udp, tcp }) => {
    if (udp && udp.behaviour.translated !== 'unknown') return { usable: 'yes', message: 'STUN over UDP works.' };
    const message = 'No STUN server answers over UDP.';
    return tcp.mapped ? { usable: 'no', message, help: 'Open outgoing UDP in the firewall of this network.' } : { message };
  },
};

const nameServers = 'Name STUN servers that answer over TCP with --stun, or in stun of the configuration.';

const helps: Readonly<Record<string, (usable: StrategyProbe['usable']) => string | undefined>> = {
  relay: (usable) =>
    usable === 'no' ? undefined : 'For a relay of your own name a TURN server: --turn turn:USER:SECRET@HOST:PORT.',
  'port-mapping': (usable) =>
    usable === 'yes' ? undefined : 'Switch on PCP, NAT-PMP or UPnP at the gateway; a peer that can be reached is enough, too.',
  'udp-hole-punching': (usable) =>
    usable === 'no' ? 'Install the optional package udx-native, if it has a build for this system.' : undefined,
};
