import { sleep } from '../../core/clock.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Gateway } from './default-gateway.js';
import type { CallOptions, MappingProtocol, ProtocolServices } from './mapping-protocol.js';

/** How long a gateway may take to show that it speaks a protocol, in milliseconds. */
const probeTimeoutMs = 2000;
/** How long a protocol that comes earlier in the order is waited for after a later one answered, in milliseconds. */
const preferenceMs = 300;
/**
 * A gateway that spoke none is not asked again for so long, in milliseconds: each attempt would wait for it anew. The first time is
 * short, because one that has just been switched on is busy, and so may this machine be.
 */
const firstSilenceMs = 10_000;
const longestSilenceMs = 60_000;

/** Finds out which protocols a gateway speaks, and remembers it while neither the gateway nor our address changes. */
export class ProtocolChoice {
  private readonly found = new Map<string, Promise<readonly MappingProtocol[]>>();
  /** Of gateways that spoke none when they were asked last: until when they are not asked, on the clock, and how long that is. */
  private readonly silences = new Map<string, { readonly until: number; readonly pauseMs: number }>();

  constructor(
    /** The preferred first. */
    private readonly protocols: readonly MappingProtocol[],
    private readonly services: ProtocolServices,
    /** Ends every search. */
    private readonly signal: AbortSignal,
  ) {}

  /** What the gateway speaks, the best first; one that worked stays the first. @throws StrategyError MAPPING_UNSUPPORTED with each reason */
  usable(gateway: Gateway): Promise<readonly MappingProtocol[]> {
    const { clock } = this.services;
    const place = placeOf(gateway);
    const silence = this.silences.get(place);
    const known = this.found.get(place);
    if (known && !(silence && silence.until <= clock.now())) return known;
    const search = this.search(gateway, []);
    this.found.set(place, search);
    const pauseMs = silence ? Math.min(longestSilenceMs, silence.pauseMs * 2) : firstSilenceMs;
    this.silences.delete(place);
    search.catch(() => this.silences.set(place, { pauseMs, until: clock.now() + pauseMs }));
    return search;
  }

  /** What else it speaks, when the best do not serve. Never rejects but with the reason of our end. */
  async others(gateway: Gateway, tried: readonly MappingProtocol[]): Promise<readonly MappingProtocol[]> {
    const able = this.protocols.some((protocol) => protocol.families.includes(gateway.family) && !tried.includes(protocol));
    if (!able) return [];
    return this.search(gateway, tried).catch(() => {
      this.signal.throwIfAborted();
      return [];
    });
  }

  /** This one works: it alone is used from now on. */
  remember(gateway: Gateway, protocol: MappingProtocol): void {
    this.found.set(placeOf(gateway), Promise.resolve([protocol]));
  }

  /** What was found does not work any more. */
  forget(gateway: Gateway): void {
    this.found.delete(placeOf(gateway));
    this.silences.delete(placeOf(gateway));
  }

  private async search(gateway: Gateway, except: readonly MappingProtocol[]): Promise<readonly MappingProtocol[]> {
    const over = new AbortController();
    const options: CallOptions = {
      services: this.services,
      timeoutMs: probeTimeoutMs,
      signal: AbortSignal.any([this.signal, over.signal]),
    };
    const able = this.protocols.filter((each) => each.families.includes(gateway.family) && !except.includes(each));
    const reasons = new Map<MappingProtocol, string>();
    const speaks = new Set<MappingProtocol>();
    const probes = able.map(async (protocol) => {
      try {
        await protocol.probe(gateway, options);
        speaks.add(protocol);
        return protocol;
      } catch (error) {
        reasons.set(protocol, describeError(error).message);
        throw error;
      }
    });
    try {
      const first = await Promise.any(probes);
      const better = Promise.allSettled(probes.slice(0, able.indexOf(first)));
      await Promise.race([better, sleep(this.services.clock, preferenceMs, options.signal)]);
      return able.filter((protocol) => speaks.has(protocol));
    } catch {
      this.signal.throwIfAborted();
      const each = able.map((protocol) => `${protocol.name}: ${reasons.get(protocol)}`).join(' ');
      throw new StrategyError('MAPPING_UNSUPPORTED', `The gateway ${gateway.address} maps no ports. ${each}`);
    } finally {
      over.abort(new StrategyError('ATTEMPT_ABORTED', 'Another protocol was found.'));
      await Promise.allSettled(probes);
    }
  }
}

function placeOf({ address, own }: Gateway): string {
  return `${address} ${own}`;
}
