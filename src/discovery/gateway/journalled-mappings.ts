import { describeError, StrategyError } from '../../core/errors.js';
import type { Gateway } from './default-gateway.js';
import { type JournalEntry, type MappingJournal, openMappingJournal } from './mapping-journal.js';
import type { Grant, MappingProtocol, MappingRequest, ProtocolServices } from './mapping-protocol.js';

/** After these the gateway has no mapping of ours. */
const certainlyNotMade: ReadonlySet<string> = new Set(['MAPPING_CONFLICT', 'MAPPING_REFUSED', 'NAT_STACKED']);

/** What it takes to remove a mapping. */
interface Removable {
  readonly protocol: MappingProtocol;
  readonly gateway: Gateway;
  readonly request: MappingRequest;
  readonly entry: JournalEntry;
}

/** A mapping that a gateway gave. */
export interface Acquired extends Removable {
  readonly grant: Grant;
  /** When, on our monotonic clock: writing the journal takes a while. */
  readonly grantedAt: number;
}

export interface JournalledMappingsOptions {
  readonly services: ProtocolServices;
  /** Folder of the journal. */
  readonly stateDir: string;
  /** Tells the journals of several mappers apart. */
  readonly journalName: string;
  /** How long a gateway may take over a request, in milliseconds. */
  readonly callTimeoutMs: number;
}

/** Makes, renews and removes mappings at gateways; each is in the journal before the gateway hears of it, and until it is gone. */
export class JournalledMappings {
  /** Mappings that failed half-way and are being removed. */
  private readonly undoing = new Set<Promise<void>>();
  private journal: Promise<MappingJournal> | undefined;

  constructor(private readonly options: JournalledMappingsOptions) {}

  /** Makes a mapping at one gateway; a failure leaves nothing there, or in the journal what may be there. */
  async make(protocol: MappingProtocol, gateway: Gateway, request: MappingRequest, signal: AbortSignal): Promise<Acquired> {
    // Gateways may give a longer lease than they were asked for, or one without an end.
    const entry = this.entryOf(protocol, gateway, request, Number.POSITIVE_INFINITY);
    await this.write((journal) => journal.put(entry));
    const { services, callTimeoutMs } = this.options;
    try {
      const grant = await protocol.map(gateway, request, { services, timeoutMs: callTimeoutMs, signal });
      return await this.enter({ protocol, gateway, request, entry }, grant, services.clock.now());
    } catch (error) {
      const certain = error instanceof StrategyError && certainlyNotMade.has(error.code);
      if (certain) await this.write((journal) => journal.delete(entry)).catch(() => undefined);
      else this.undo({ protocol, gateway, request, entry });
      throw error;
    }
  }

  async renew(acquired: Acquired, signal: AbortSignal): Promise<Acquired> {
    const { protocol, gateway, request } = acquired;
    const { services, callTimeoutMs } = this.options;
    const grant = await protocol.map(gateway, request, { services, timeoutMs: callTimeoutMs, signal });
    return this.enter(acquired, grant, services.clock.now());
  }

  /** @returns whether it is gone for certain. Never rejects: what could not be asked for stays in the journal. */
  async remove({ protocol, gateway, request, entry }: Removable): Promise<boolean> {
    const { services, callTimeoutMs } = this.options;
    const about = { protocol: protocol.name, gateway: gateway.address, port: entry.externalPort };
    try {
      // Nothing calls this off: it is what must happen at the end.
      const signal = new AbortController().signal;
      const gone = await protocol.unmap(gateway, request, { services, timeoutMs: callTimeoutMs, signal });
      if (gone) services.log.debug('mapping.removed', about);
      else services.log.warn('mapping.unconfirmed', about);
      await (await this.openJournal()).delete(entry);
      return gone;
    } catch (error) {
      const { code, message } = describeError(error);
      services.log.warn('mapping.stuck', { ...about, code, message });
      return false;
    }
  }

  /** Removes what an earlier run left behind. @returns how many mappings are gone @throws AgentError JOURNAL_UNWRITABLE */
  async recover(protocols: readonly MappingProtocol[]): Promise<number> {
    const journal = await this.openJournal();
    const { clock, log } = this.options.services;
    const left = journal.entries();
    const outcomes = await Promise.all(
      left.map(async (entry) => {
        const protocol = protocols.find(({ name }) => name === entry.protocol);
        const over = entry.expires !== null && entry.expires <= clock.wallTime();
        if (!protocol || over) {
          if (over) await journal.delete(entry);
          return false;
        }
        return this.remove({ protocol, gateway: entry.gateway, request: { ...entry, lifetimeSeconds: 0 }, entry });
      }),
    );
    const removed = outcomes.filter(Boolean).length;
    if (left.length > 0) log.info('mapping.recovered', { left: left.length, removed });
    return removed;
  }

  /** Resolves when what failed half-way has been removed. */
  async settled(): Promise<void> {
    await Promise.all(this.undoing);
  }

  /** Journals what was given in place of what was asked for. */
  private async enter(
    { protocol, gateway, request, entry: before }: Removable,
    grant: Grant,
    grantedAt: number,
  ): Promise<Acquired> {
    const granted = { ...request, externalPort: grant.external.port };
    const entry = this.entryOf(protocol, gateway, granted, grant.lifetimeSeconds);
    await this.write((journal) => journal.put(entry));
    if (entry.externalPort !== before.externalPort) await this.write((journal) => journal.delete(before));
    return { protocol, gateway, request: granted, grant, grantedAt, entry };
  }

  private entryOf(protocol: MappingProtocol, gateway: Gateway, request: MappingRequest, lifetimeSeconds: number): JournalEntry {
    const { transport, internalPort, externalPort, nonce } = request;
    const ends = this.options.services.clock.wallTime() + lifetimeSeconds * 1000;
    const expires = Number.isFinite(ends) ? ends : null;
    return { protocol: protocol.name, gateway, transport, internalPort, externalPort, nonce, expires };
  }

  private async write(change: (journal: MappingJournal) => Promise<void>): Promise<void> {
    try {
      await change(await this.openJournal());
    } catch (cause) {
      throw new StrategyError('JOURNAL_UNWRITABLE', describeError(cause).message, { cause });
    }
  }

  private undo(asked: Removable): void {
    const removal: Promise<void> = this.remove(asked).then(() => {
      this.undoing.delete(removal);
    });
    this.undoing.add(removal);
  }

  private openJournal(): Promise<MappingJournal> {
    const { stateDir, journalName, services } = this.options;
    this.journal ??= openMappingJournal(stateDir, journalName, services.log, services.files);
    // A folder that cannot be used now may be mended later.
    this.journal.catch(() => {
      this.journal = undefined;
    });
    return this.journal;
  }
}
