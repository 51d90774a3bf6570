import { unlessAborted } from '../../core/aborted.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import { dynamicPort } from '../listening-port.js';
import type { FindGateway, Gateway } from './default-gateway.js';
import { HeldMapping } from './held-mapping.js';
import { type Acquired, JournalledMappings } from './journalled-mappings.js';
import type { MappingProtocol, MappingRequest, ProtocolServices, Transport } from './mapping-protocol.js';
import { ProtocolChoice } from './protocol-choice.js';
import { stackedNat } from './stacked-nat.js';

/** How long a gateway may take over a request, in milliseconds. */
const callTimeoutMs = 3000;
/** External ports to try when others hold them. */
const portTries = 4;

export interface PortMapperOptions {
  readonly services: ProtocolServices;
  /** The preferred first. */
  readonly protocols: readonly MappingProtocol[];
  readonly findGateway: FindGateway;
  /** Folder of the journal. */
  readonly stateDir: string;
  /** Tells the journals of several mappers apart. */
  readonly journalName: string;
  /** What to ask for, in seconds. @default 3600 */
  readonly lifetimeSeconds?: number;
  /** How often a mapping is looked after between its renewals, in milliseconds. @default 60000 */
  readonly checkIntervalMs?: number;
}

/** What is wanted: a port of this machine that the internet can reach. */
export interface WantedMapping {
  readonly transport: Transport;
  /** 1 to 65535, open at our own address. */
  readonly internalPort: number;
  /** The external port that would suit. @default the internal one */
  readonly externalPort?: number;
  /** 6 opens a pinhole in the gateway's firewall, to our own address. @default 4 */
  readonly family?: 4 | 6;
}

/** A mapping that is kept alive until it is released. */
export interface PortMapping {
  /** Where the internet reaches it at present: a gateway that lost its state may give another. */
  readonly external: Endpoint;
  readonly protocol: string;
  readonly gateway: Gateway;
  /** Removes it from the gateway. Idempotent; never rejects. */
  release(): Promise<void>;
}

/** Keeps mappings at the default gateway, and gives every one of them back. */
export class PortMapper {
  private readonly closing = new AbortController();
  private readonly choice: ProtocolChoice;
  private readonly making = new Set<Promise<PortMapping>>();
  private readonly held = new Set<HeldMapping>();
  private readonly mappings: JournalledMappings;

  constructor(private readonly options: PortMapperOptions) {
    this.choice = new ProtocolChoice(options.protocols, options.services, this.closing.signal);
    this.mappings = new JournalledMappings({ ...options, callTimeoutMs });
  }

  /** Which protocol the gateway speaks. Leaves nothing behind. @throws StrategyError GATEWAY_MISSING, MAPPING_UNSUPPORTED */
  async probe(family: 4 | 6, signal: AbortSignal): Promise<{ readonly gateway: Gateway; readonly protocol: string }> {
    const gateway = await this.options.findGateway(family);
    const [protocol] = await unlessAborted(this.choice.usable(gateway), signal);
    if (!protocol) throw new StrategyError('MAPPING_UNSUPPORTED', `The gateway ${gateway.address} maps no ports.`);
    return { gateway, protocol: protocol.name };
  }

  /**
   * Maps a port. The mapping is in the journal before the gateway hears of it.
   * @throws StrategyError GATEWAY_MISSING, MAPPING_UNSUPPORTED, MAPPING_REFUSED, MAPPING_TIMEOUT, MAPPING_CONFLICT, NAT_STACKED,
   * JOURNAL_UNWRITABLE
   */
  map(wanted: WantedMapping, signal: AbortSignal): Promise<PortMapping> {
    const making = this.make(wanted, AbortSignal.any([signal, this.closing.signal]));
    this.making.add(making);
    const done = () => this.making.delete(making);
    making.then(done, done);
    return making;
  }

  /** Removes what an earlier run left behind. @returns how many mappings are gone @throws AgentError JOURNAL_UNWRITABLE */
  recover(): Promise<number> {
    return this.mappings.recover(this.options.protocols);
  }

  /** Gives every mapping back. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.closing.abort(new StrategyError('ATTEMPT_ABORTED', 'The port mapper is closed.'));
    await Promise.allSettled(this.making);
    await Promise.all([...this.held].map((mapping) => mapping.release()));
    await this.mappings.settled();
  }

  private async make(wanted: WantedMapping, signal: AbortSignal): Promise<PortMapping> {
    const { services, findGateway, lifetimeSeconds = 3600, checkIntervalMs = 60_000 } = this.options;
    const nonce = Buffer.from(services.random.bytes(12)).toString('hex');
    const acquire = async (preferredPort: number, acquiring: AbortSignal): Promise<Acquired> => {
      const gateway = await findGateway(wanted.family ?? 4);
      const request = { ...wanted, nonce, lifetimeSeconds, externalPort: preferredPort };
      return this.acquire(gateway, request, acquiring);
    };
    const first = await acquire(wanted.externalPort ?? wanted.internalPort, signal);
    const mapping = new HeldMapping(first, {
      services,
      checkIntervalMs,
      callTimeoutMs,
      findGateway,
      acquire,
      renew: (acquired, renewing) => this.mappings.renew(acquired, renewing),
      remove: (acquired) => this.mappings.remove(acquired),
      onReleased: () => this.held.delete(mapping),
    });
    this.held.add(mapping);
    mapping.start();
    return mapping;
  }

  /** Tries what the gateway speaks, until one gives a mapping that leads somewhere. */
  private async acquire(gateway: Gateway, wanted: MappingRequest, signal: AbortSignal): Promise<Acquired> {
    const { log } = this.options.services;
    const tried: MappingProtocol[] = [];
    let failure: unknown;
    let next = await unlessAborted(this.choice.usable(gateway), signal);
    while (next.length > 0) {
      for (const protocol of next) {
        try {
          return await this.acquireBy(protocol, gateway, wanted, signal);
        } catch (error) {
          signal.throwIfAborted();
          const { code, message } = describeError(error);
          log.debug('mapping.failed', { protocol: protocol.name, gateway: gateway.address, code, message });
          if (code === 'NAT_STACKED') throw error;
          failure ??= error;
          tried.push(protocol);
        }
      }
      next = await unlessAborted(this.choice.others(gateway, tried), signal);
    }
    this.choice.forget(gateway);
    throw failure ?? new StrategyError('MAPPING_UNSUPPORTED', `The gateway ${gateway.address} maps no ports.`);
  }

  /** Asks for other external ports while they are taken. */
  private async acquireBy(
    protocol: MappingProtocol,
    gateway: Gateway,
    wanted: MappingRequest,
    signal: AbortSignal,
  ): Promise<Acquired> {
    for (let tries = 1; ; tries++) {
      const externalPort = tries === 1 ? wanted.externalPort : dynamicPort(this.options.services.random.fraction());
      try {
        const acquired = await this.mappings.make(protocol, gateway, { ...wanted, externalPort }, signal);
        this.choice.remember(gateway, protocol);
        const stacked = stackedNat(acquired.grant.external.address);
        if (stacked === undefined) return acquired;
        await this.mappings.remove(acquired);
        throw new StrategyError('NAT_STACKED', stacked);
      } catch (error) {
        const taken = error instanceof StrategyError && error.code === 'MAPPING_CONFLICT';
        if (!taken || tries === portTries) throw error;
      }
    }
  }
}
