import type { NetworkReport } from '../control/observation-schemas.js';

export type Nat = NonNullable<NetworkReport['nat']>;

/** What a NAT's behaviour means for whoever wants direct paths, in one sentence. */
export function natVerdict({ translated, mapping, portAllocation: { kind } }: Nat): string {
  if (translated === 'no') return 'No NAT is in front of this machine: peers reach it unless a firewall forbids it.';
  if (mapping === 'endpoint-independent')
    return 'This NAT keeps one port for all destinations: hole punching works with nearly every peer.';
  if (mapping === 'unknown') return 'There is a NAT, and too few servers answered to tell how it chooses ports.';
  if (kind === 'preserving' || kind === 'sequential') {
    return 'This NAT takes a port for each destination, but one that can be foretold: hole punching mostly works.';
  }
  return 'This NAT takes any port for each destination: hole punching works with peers behind easier NATs, a relay with the rest.';
}
