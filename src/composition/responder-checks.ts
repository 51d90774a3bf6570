import { parseHostPort } from '../core/config/host-port.js';
import type { AgentEvent, EventSource } from '../core/events.js';
import type { KnownServices } from '../core/peer-services.js';
import type { StrategyServices } from '../core/strategy.js';
import { ResponderChecks } from '../discovery/stun/responder-checks.js';

/** Checks the STUN responders of peers that there is a direct bridge with. @returns a function that ends it */
export function checkResponders(services: StrategyServices, known: KnownServices, events: EventSource): () => void {
  const checks = new ResponderChecks(services, known);
  const hear = (event: AgentEvent) => {
    if (event.event !== 'bridge.up' || event.kind !== 'direct') return;
    const remote = parseHostPort(event.remote);
    if (remote) checks.met(event.peer, remote.host);
  };
  events.hearers.add(hear);
  return () => {
    events.hearers.delete(hear);
    checks.close();
  };
}
