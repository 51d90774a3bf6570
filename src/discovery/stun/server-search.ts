import { isIP } from 'node:net';
import { type Clock, sleep } from '../../core/clock.js';
import { parseHostPort } from '../../core/config/host-port.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError } from '../../core/errors.js';
import type { Endpoint, Net } from '../../core/net.js';
import { type Agreement, agreementOf, mostSeen, type Observation } from './agreement.js';
import { systemError } from './system-error.js';

export interface SearchOptions {
  readonly net: Pick<Net, 'resolve'>;
  readonly clock: Clock;
  /** `host:port`, the preferred first. */
  readonly servers: readonly string[];
  /** Asked when none of those answers: a word that counts less, whatever the others would have said. @default none */
  readonly fallback?: readonly string[];
  readonly family: 4 | 6;
  /** Its abort rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Servers asked at a time. @default 3 */
  readonly parallel?: number;
  /** Milliseconds that a server has to be resolved, to be reached and to answer, each. @default 2000 */
  readonly timeoutMs?: number;
  /** Milliseconds that others have after the first answer, to notice disagreement. @default 100 */
  readonly graceMs?: number;
}

export interface ServerFailure {
  readonly server: string;
  readonly code: string;
  readonly message: string;
}

/** How several servers see one local port. */
export interface ServerAnswers {
  /** What most servers saw; undefined when none answered. */
  readonly mapped: Endpoint | undefined;
  /** In the order of their arrival. */
  readonly observations: readonly Observation[];
  readonly agreement: Agreement;
  /** Why the other servers did not help. Those that were not asked or waited for are not among them. */
  readonly failures: readonly ServerFailure[];
}

/** Asks one server. The signal ends the search, and says nothing once the answer has come. */
export type Ask = (remote: Endpoint, options: { readonly timeoutMs: number; readonly signal: AbortSignal }) => Promise<Endpoint>;

/**
 * Asks several STUN servers at once. Resolves soon after the first answer, or when all have failed; nothing is being asked then.
 * @throws only the signal's reason
 */
export async function searchServers(options: SearchOptions, ask: Ask): Promise<ServerAnswers> {
  const { servers, fallback = [] } = options;
  const answers = await searchAmong(servers, options, ask);
  if (answers.mapped || fallback.length === 0) return answers;
  const others = await searchAmong(fallback, options, ask);
  return { ...others, failures: [...answers.failures, ...others.failures] };
}

async function searchAmong(servers: readonly string[], options: SearchOptions, ask: Ask): Promise<ServerAnswers> {
  const { clock, signal, parallel = 3, graceMs = 100 } = options;
  signal?.throwIfAborted();
  const search = new Search(options, ask);
  const abort = () => search.end();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const queue = [...new Set(servers)];
    const worker = async () => {
      for (let server = queue.shift(); server !== undefined && !search.over; server = queue.shift()) await search.ask(server);
    };
    const allAsked = Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, worker));
    await Promise.race([allAsked, search.firstAnswer]);
    if (search.observations.length > 0) {
      // One more answer is enough to compare.
      await Promise.race([allAsked, search.secondAnswer, sleep(clock, graceMs, search.signal).catch(() => undefined)]);
    }
    search.end();
    await allAsked;
    signal?.throwIfAborted();
    return search.result();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The addresses of a server, of one family. @throws Error with `code` EINVAL, ENOTFOUND or ETIMEDOUT, or the resolver's */
export async function locateServer(
  server: string,
  { net, clock, family, timeoutMs = 2_000, signal }: Omit<SearchOptions, 'servers' | 'fallback'>,
): Promise<readonly Endpoint[]> {
  const name = parseHostPort(server);
  if (!name) throw systemError('EINVAL', `${server} is not host:port`);
  const addresses = await withDeadline(net.resolve(name.host, signal ? { signal } : {}), {
    clock,
    timeoutMs,
    ...(signal ? { signal } : {}),
    expired: () => systemError('ETIMEDOUT', `${name.host} was not resolved within ${timeoutMs} ms`),
  });
  const fitting = addresses.filter((address) => isIP(address) === family);
  if (fitting.length === 0) throw systemError('ENOTFOUND', `${name.host} has no IPv${family} address`);
  return fitting.map((address) => ({ address, port: name.port }));
}

class Search {
  readonly observations: Observation[] = [];
  readonly firstAnswer: Promise<void>;
  readonly secondAnswer: Promise<void>;
  private readonly failures: ServerFailure[] = [];
  /** Servers under several names are asked once: their agreement with themselves means nothing. */
  private readonly taken = new Set<string>();
  private readonly ended = new AbortController();
  private readonly answered: (() => void)[] = [];

  constructor(
    private readonly options: SearchOptions,
    private readonly askOne: Ask,
  ) {
    [this.firstAnswer, this.secondAnswer] = [this.nextAnswer(), this.nextAnswer()];
  }

  get signal(): AbortSignal {
    return this.ended.signal;
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  /** Stops what is under way; answers that came stay. */
  end(): void {
    this.ended.abort(new Error('the search is over'));
  }

  result(): ServerAnswers {
    const { observations, failures } = this;
    return { mapped: mostSeen(observations), observations, agreement: agreementOf(observations), failures };
  }

  /** Never rejects. */
  async ask(server: string): Promise<void> {
    const { family, timeoutMs = 2_000 } = this.options;
    // A signal of its own, so that the end of the search does not reach a connection that is to stay open.
    const own = new AbortController();
    const stop = () => own.abort(this.signal.reason);
    this.signal.addEventListener('abort', stop, { once: true });
    if (this.over) stop();
    try {
      const mapped = await this.askOne(await this.locate(server, own.signal), { timeoutMs, signal: own.signal });
      if (isIP(mapped.address) !== family)
        throw systemError('EPROTO', `the server answered with ${mapped.address}, not IPv${family}`);
      this.observations.push({ server, mapped });
      this.answered.shift()?.();
    } catch (error) {
      // Whoever asked may have kept something open for the answer.
      own.abort(error);
      const { code, message } = describeError(error);
      if (!this.over) this.failures.push({ server, code, message });
    } finally {
      this.signal.removeEventListener('abort', stop);
    }
  }

  private async locate(server: string, signal: AbortSignal): Promise<Endpoint> {
    const found = await locateServer(server, { ...this.options, signal });
    const fresh = found.find(({ address, port }) => !this.taken.has(`${address} ${port}`));
    if (!fresh) throw systemError('EALREADY', `${server} is another name of a server that was asked`);
    this.taken.add(`${fresh.address} ${fresh.port}`);
    return fresh;
  }

  private nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.answered.push(resolve);
    });
  }
}
