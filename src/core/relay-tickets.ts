import type { PeerRef } from './events.js';

/**
 * Leave to use the relay of an agent, asked for over the link between the two: the link knows who asks. Here meet those who ask,
 * those who grant, and signalling between them.
 */
export class RelayTickets {
  /** Set by this agent's relay while there is one. @returns the ticket, a secret @throws StrategyError why not */
  grant: ((peer: PeerRef) => string) | undefined;
  /** Set by signalling: asks a linked peer. @throws StrategyError the peer's code, SignallingError */
  ask: ((peer: PeerRef, signal: AbortSignal) => Promise<string>) | undefined;
}
