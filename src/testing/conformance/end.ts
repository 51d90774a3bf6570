import { type Clock, sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { LogLevel } from '../../core/logger.js';
import type { AttemptContext, Path, Role, Strategy, StrategyServices } from '../../core/strategy.js';
import { Breach } from './breach.js';
import { countedClock } from './counted-clock.js';
import { type CountedNet, countedNet } from './counted-net.js';
import { countedReliableUdp } from './counted-reliable-udp.js';
import { Ledger } from './ledger.js';
import type { Place } from './network.js';

/** How long what was given up may take to be gone, in milliseconds: farewells and gateways take their time. */
const goneMs = 5000;
const pollMs = 50;
/** Lines of the log that are kept for a report. */
const maxLines = 12;

/** What an end does otherwise than usual in an attempt. */
export interface Conduct {
  /** Takes part in the strategy's stead. */
  readonly instead?: Strategy['attempt'];
  /** Aborts the attempt at this end. */
  readonly signal?: AbortSignal;
  /** The strategy is called with a signal that has aborted already. */
  readonly late?: boolean;
  /** What becomes of a message on its way in. */
  readonly hear?: (payload: unknown) => unknown;
}

/** One end of a trial: a strategy, and all that it holds. */
export class End {
  readonly ledger = new Ledger();
  readonly net: CountedNet;
  readonly strategy: Strategy;
  /** What the strategy logged last. */
  readonly lines: string[] = [];
  private readonly clock: Clock;

  constructor(
    readonly role: Role,
    readonly place: Place,
    factory: (services: StrategyServices) => Strategy,
  ) {
    this.clock = place.clock;
    this.net = countedNet(place.net, this.ledger);
    const { reliableUdp } = place;
    this.strategy = factory({
      ...place,
      net: this.net,
      clock: countedClock(place.clock, this.ledger),
      ...(reliableUdp ? { reliableUdp: countedReliableUdp(reliableUdp, this.ledger) } : {}),
      log: { debug: this.writer('debug'), info: this.writer('info'), warn: this.writer('warn'), error: this.writer('error') },
    });
  }

  /** Runs an attempt of the strategy. @param seen told what the strategy itself promised, before anyone makes something of it */
  observed({ instead, late, hear = (payload) => payload }: Conduct, seen: (raw: Promise<Path>) => void): Strategy {
    return {
      name: this.strategy.name,
      attempt: (context) => {
        const raw = (async () => {
          const signal = late ? AbortSignal.any([context.signal, AbortSignal.abort(tooLate)]) : context.signal;
          const { channel } = context;
          const changed: AttemptContext = {
            ...context,
            signal,
            channel: { send: (message) => channel.send(message), receive: async () => hear(await channel.receive()) },
          };
          return expectStream(await (instead ? instead(changed) : this.strategy.attempt(changed)), this.role);
        })();
        seen(raw);
        return raw;
      },
    };
  }

  /** @throws Breach when something is held for longer than it takes to give it back */
  async expectNothingHeld(when: string): Promise<void> {
    const until = this.clock.now() + goneMs;
    while (this.ledger.held.length > 0 && this.clock.now() < until) await sleep(this.clock, pollMs);
    const { held } = this.ledger;
    if (held.length === 0) return;
    const more = held.length > 3 ? `\n  and ${held.length - 3} more` : '';
    throw new Breach(
      `nothing of the strategy is left ${goneMs / 1000} s after ${when}`,
      `the ${this.role} end holds\n  ${held.slice(0, 3).join('\n  ')}${more}`,
    );
  }

  private writer(level: LogLevel) {
    return (event: string, fields?: Record<string, unknown>) => {
      this.lines.push(`${level} ${event} ${safely(() => JSON.stringify(fields ?? {}))}`);
      if (this.lines.length > maxLines) this.lines.shift();
    };
  }
}

/** @throws Breach */
function expectStream(path: Path, role: Role): Path {
  const methods = ['on', 'off', 'read', 'write', 'end', 'unshift', 'destroy'] as const;
  const missing = methods.filter((name) => typeof (path as Partial<Path> | undefined)?.[name] !== 'function');
  if (missing.length === 0) return path;
  throw new Breach(`attempt resolves with a Duplex at the ${role} end`, `what it resolved with has no ${missing.join(', no ')}`);
}

/** What the kit aborts with where an attempt begins too late. */
export const tooLate = new DOMException('The attempt was aborted before it began.', 'AbortError');

function safely(text: () => string): string {
  try {
    return text().slice(0, 500);
  } catch (error) {
    return describeError(error).message;
  }
}
