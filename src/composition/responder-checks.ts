import { parseHostPort } from '../core/config/host-port.js';
import { type EventSource, onEvent } from '../core/events.js';
import type { KnownServices } from '../core/peer-services.js';
import type { StrategyServices } from '../core/strategy.js';
import { ResponderChecks } from '../discovery/stun/responder-checks.js';

/** Checks the STUN responders of peers that there is a direct bridge with. @returns a function that ends it */
export function checkResponders(services: StrategyServices, known: KnownServices, { agent }: EventSource): () => void {
  const checks = new ResponderChecks(services, known);
  const unsubscribe = onEvent((event) => {
    if (event.event !== 'bridge.up' || event.agent !== agent || event.kind !== 'direct') return;
    const remote = parseHostPort(event.remote);
    if (remote) checks.met(event.peer, remote.host);
  });
  return () => {
    unsubscribe();
    checks.close();
  };
}
