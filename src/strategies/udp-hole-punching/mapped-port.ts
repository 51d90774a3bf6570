import type { GatewayPort } from '../../core/gateway-ports.js';
import { isPublicAddress } from '../../core/reach.js';
import type { StrategyServices } from '../../core/strategy.js';
import type { Candidate } from '../../discovery/candidates.js';
import { stackedNat } from '../../discovery/gateway/stacked-nat.js';

/**
 * The punching socket's port at the gateway, where a strategy that maps ports is enabled. Asked for at once and never waited for: a gateway
 * that is slower than the STUN servers comes too late, and its mapping is given back.
 */
export class MappedPort {
  private port: GatewayPort | undefined;
  private readonly over = new AbortController();
  private readonly asking: Promise<void>;

  constructor({ gatewayPorts, net, log }: StrategyServices, internalPort: number, signal: AbortSignal) {
    const limit = AbortSignal.any([signal, this.over.signal]);
    // A public host has no NAT in front of it.
    const isPublic = net.interfaces().some(({ family, address }) => family === 4 && isPublicAddress(address));
    const map = isPublic ? undefined : gatewayPorts?.map;
    this.asking = Promise.resolve(map?.({ transport: 'udp', internalPort }, limit)).then(
      (port) => {
        this.port = port;
      },
      (error: unknown) => log.debug('mapping.none', { message: (error as Error).message }),
    );
  }

  /**
   * What the peer may try. None when there is no mapping by now, or the gateway itself is behind a NAT; then it is given back.
   * @param seen where STUN servers see this end
   */
  candidates(seen: readonly string[]): Candidate[] {
    const external = this.port?.external;
    if (external && stackedNat(external.address, seen) === undefined) return [{ type: 'mapped', ...external }];
    void this.release();
    return [];
  }

  /** Gives it back, also if it is yet to come. Idempotent; never rejects. */
  async release(): Promise<void> {
    this.over.abort(new Error('no longer wanted'));
    await this.asking;
    await this.port?.release();
  }
}
