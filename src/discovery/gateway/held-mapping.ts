import type { Timer } from '../../core/clock.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { FindGateway, Gateway } from './default-gateway.js';
import { type EpochSample, hasForgotten } from './epoch.js';
import type { Acquired } from './journalled-mappings.js';
import type { ProtocolServices } from './mapping-protocol.js';
import type { PortMapping } from './port-mapper.js';

/** The least pause before a renewal that failed is tried again (RFC 6887 §11.2.1), in milliseconds. */
const leastRetryMs = 4000;
/** Pause before a mapping that was lost and could not be made again is tried once more, in milliseconds. */
const lostRetryMs = 15_000;
/** A lease as long as this is not renewed by its end but only looked after; timers count to 2³¹ ms. */
const longestRenewalMs = 12 * 3_600_000;

export interface HeldMappingOptions {
  readonly services: ProtocolServices;
  readonly checkIntervalMs: number;
  readonly callTimeoutMs: number;
  readonly findGateway: FindGateway;
  /** Makes the mapping anew, at whatever gateway there is. */
  acquire(preferredPort: number, signal: AbortSignal): Promise<Acquired>;
  renew(acquired: Acquired, signal: AbortSignal): Promise<Acquired>;
  /** Never rejects. */
  remove(acquired: Acquired): Promise<unknown>;
  onReleased(): void;
}

/** One mapping over its life: renewed at half its lease, made anew when the gateway lost it, and removed at the end. */
export class HeldMapping implements PortMapping {
  private readonly over = new AbortController();
  private timer: Timer | undefined;
  private round: Promise<void> = Promise.resolve();
  private released: Promise<void> | undefined;
  /** Monotonic times in milliseconds. */
  private renewAt = 0;
  private endsAt = 0;
  private epoch: EpochSample | undefined;
  private lost = false;

  constructor(
    private current: Acquired,
    private readonly options: HeldMappingOptions,
  ) {
    this.take(current);
  }

  get external(): Endpoint {
    return this.current.grant.external;
  }

  get protocol(): string {
    return this.current.protocol.name;
  }

  get gateway(): Gateway {
    return this.current.gateway;
  }

  start(): void {
    this.schedule();
  }

  release(): Promise<void> {
    this.released ??= (async () => {
      this.over.abort(new StrategyError('ATTEMPT_ABORTED', 'The mapping is released.'));
      this.timer?.cancel();
      await this.round;
      await this.options.remove(this.current);
      this.options.onReleased();
    })();
    return this.released;
  }

  private take(acquired: Acquired): void {
    const { grantedAt } = acquired;
    const { lifetimeSeconds, epochSeconds } = acquired.grant;
    this.current = acquired;
    this.lost = false;
    this.endsAt = grantedAt + lifetimeSeconds * 1000;
    this.renewAt = grantedAt + Math.min(lifetimeSeconds * 500, longestRenewalMs);
    this.epoch = epochSeconds === undefined ? undefined : { server: epochSeconds, client: grantedAt / 1000 };
  }

  private schedule(): void {
    if (this.over.signal.aborted) return;
    const { checkIntervalMs, services } = this.options;
    const due = this.lost ? lostRetryMs : Math.max(0, this.renewAt - services.clock.now());
    this.timer = services.clock.setTimer(Math.min(due, checkIntervalMs), () => {
      this.round = this.lookAfter().then(() => this.schedule());
    });
  }

  /** Never rejects. */
  private async lookAfter(): Promise<void> {
    const { services, findGateway } = this.options;
    const { log, clock } = services;
    try {
      const gateway = await findGateway(this.gateway.family);
      const moved = gateway.address !== this.gateway.address || gateway.own !== this.gateway.own;
      if (this.lost || moved) return await this.remap(moved ? 'the gateway changed' : 'it was lost');
      if (clock.now() >= this.renewAt) return await this.renew();
      const forgotten = await this.forgotten();
      if (forgotten !== undefined) await this.remap(forgotten);
    } catch (error) {
      if (this.over.signal.aborted) return;
      // A gateway that does not answer now may do so before the lease is over.
      const { code, message } = describeError(error);
      log.warn('mapping.unattended', { protocol: this.protocol, port: this.external.port, code, message });
      const left = this.endsAt - clock.now();
      if (left <= 0) this.lost = true;
      else if (clock.now() >= this.renewAt) this.renewAt = clock.now() + Math.max(leastRetryMs, left / 2);
    }
  }

  /** Why the mapping has to be made anew, if it has to. */
  private async forgotten(): Promise<string | undefined> {
    const { services, callTimeoutMs } = this.options;
    const { protocol, gateway, request } = this.current;
    const call = { services, timeoutMs: callTimeoutMs, signal: this.over.signal };
    const { present, epochSeconds, externalAddress } = await protocol.check(gateway, request, call);
    if (present === false) return 'the gateway lost it';
    if (externalAddress !== undefined && externalAddress !== this.external.address) return 'the gateway’s address changed';
    return this.restarted(epochSeconds) ? 'the gateway restarted' : undefined;
  }

  /** Takes note of the epoch. @returns whether the gateway restarted since the last one */
  private restarted(epochSeconds: number | undefined): boolean {
    if (epochSeconds === undefined) return false;
    const now = { server: epochSeconds, client: this.options.services.clock.now() / 1000 };
    const restarted = this.epoch !== undefined && hasForgotten(this.epoch, now);
    this.epoch = now;
    return restarted;
  }

  private async renew(): Promise<void> {
    const before = this.external;
    const renewed = await this.options.renew(this.current, this.over.signal);
    this.take(renewed);
    const { log } = this.options.services;
    log.debug('mapping.renewed', { protocol: this.protocol, external: renewed.grant.external });
    if (renewed.grant.external.port !== before.port || renewed.grant.external.address !== before.address) {
      this.tellOfChange(before, 'the gateway moved it');
    }
  }

  private async remap(reason: string): Promise<void> {
    const before = this.current;
    this.lost = true;
    const made = await this.options.acquire(before.request.externalPort, this.over.signal);
    this.take(made);
    this.tellOfChange(before.grant.external, reason);
    // What the old gateway may still have is of no use: it leads to an address or a port that is not ours any more.
    if (before.gateway.address !== made.gateway.address || before.gateway.own !== made.gateway.own) {
      await this.options.remove(before);
    }
  }

  private tellOfChange(before: Endpoint, reason: string): void {
    const { external } = this;
    this.options.services.log.info('mapping.remade', { protocol: this.protocol, before, external, reason });
  }
}
