import { type Clock, sleep } from '../../src/core/clock.js';
import { StrategyError } from '../../src/core/errors.js';
import type { Gateway } from '../../src/discovery/gateway/default-gateway.js';
import type { CallOptions, MappingProtocol, MappingRequest } from '../../src/discovery/gateway/mapping-protocol.js';

/** A gateway in memory that speaks one protocol. */
export class FakeGateway implements MappingProtocol {
  readonly families = [4] as const;
  readonly mappings = new Map<number, MappingRequest>();
  readonly asked: { readonly what: string; readonly at: number }[] = [];
  address = '20.0.1.2';
  /** When its state was made, in milliseconds. */
  bootedAt = 0;
  lifetimeSeconds = 3600;
  /** Pause before each answer, in milliseconds; Infinity for one that says nothing. */
  delayMs = 0;
  taken = new Set<number>();
  onMap: (request: MappingRequest) => Promise<void> = async () => {};

  private readonly watching = new Set<() => void>();

  constructor(
    readonly name: string,
    private readonly clock: Clock,
  ) {}

  async probe(_gateway: Gateway, options: CallOptions): Promise<void> {
    await this.answer('probe', options);
  }

  async map(_gateway: Gateway, request: MappingRequest, options: CallOptions) {
    await this.onMap(request);
    if (!this.taken.has(request.externalPort)) this.mappings.set(request.externalPort, request);
    await this.answer('map', options);
    if (this.taken.has(request.externalPort)) throw new StrategyError('MAPPING_CONFLICT', 'taken');
    const external = { address: this.address, port: request.externalPort };
    return { external, lifetimeSeconds: this.lifetimeSeconds, epochSeconds: this.epoch };
  }

  async unmap(_gateway: Gateway, mapping: MappingRequest, options: CallOptions): Promise<boolean> {
    this.mappings.delete(mapping.externalPort);
    for (const resolve of this.watching) resolve();
    this.watching.clear();
    await this.answer('unmap', options);
    return true;
  }

  async check(_gateway: Gateway, _mapping: MappingRequest, options: CallOptions) {
    await this.answer('check', options);
    return { epochSeconds: this.epoch, externalAddress: this.address };
  }

  /** Resolves when a mapping is removed. */
  forgotten(): Promise<void> {
    return new Promise((resolve) => this.watching.add(resolve));
  }

  /** Loses everything, as by a restart. */
  restart(): void {
    this.mappings.clear();
    this.bootedAt = this.clock.now();
  }

  get ports(): number[] {
    return [...this.mappings.keys()];
  }

  private get epoch(): number {
    return Math.floor((this.clock.now() - this.bootedAt) / 1000);
  }

  private async answer(what: string, { timeoutMs, signal }: CallOptions): Promise<void> {
    this.asked.push({ what, at: this.clock.now() });
    if (this.delayMs === 0) return;
    await sleep(this.clock, Math.min(this.delayMs, timeoutMs), signal);
    if (this.delayMs > timeoutMs) throw new StrategyError('MAPPING_TIMEOUT', `${this.name} said nothing`);
  }
}
