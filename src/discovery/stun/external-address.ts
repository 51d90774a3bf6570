import { isIP } from 'node:net';
import { type Clock, sleep } from '../../core/clock.js';
import { parseHostPort } from '../../core/config/host-port.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError } from '../../core/errors.js';
import type { ByteStream, Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { type Agreement, agreementOf, mostSeen, type Observation } from './agreement.js';
import { bindOverTcp } from './tcp-binding.js';

export interface DiscoveryOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** `host:port`, the preferred first. */
  readonly servers: readonly string[];
  /** The port to ask about, 1 to 65535, and the interface's address if it matters. All servers are asked from there. */
  readonly local: { readonly port: number; readonly address?: string };
  readonly family: 4 | 6;
  /** Its abort rejects with its reason and leaves no connection open. */
  readonly signal?: AbortSignal;
  /** Servers asked at a time. @default 3 */
  readonly parallel?: number;
  /** Milliseconds that a server has to be reached, and as many to answer. @default 2000 */
  readonly timeoutMs?: number;
  /** Milliseconds that others have after the first answer, to notice disagreement. @default 100 */
  readonly graceMs?: number;
}

interface ServerFailure {
  readonly server: string;
  readonly code: string;
  readonly message: string;
}

/** How the internet sees a local TCP port. */
export interface ExternalAddress {
  /** What most servers saw; undefined when none answered. */
  readonly mapped: Endpoint | undefined;
  /** In the order of their arrival. */
  readonly observations: readonly Observation[];
  readonly agreement: Agreement;
  /** Why the other servers did not help. Those that were not asked or waited for are not among them. */
  readonly failures: readonly ServerFailure[];
  /** Closes the connections to the servers. While they are open, the NAT keeps the mapping. Idempotent. */
  close(): void;
}

/**
 * Asks several STUN servers at once, from one local port. Resolves soon after the first answer, or when all have failed.
 * @throws only the signal's reason
 */
export async function discoverExternalAddress(options: DiscoveryOptions): Promise<ExternalAddress> {
  const { clock, servers, signal, parallel = 3, graceMs = 100 } = options;
  signal?.throwIfAborted();
  const search = new Search(options);
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
    signal?.throwIfAborted();
    search.end();
    await allAsked;
    signal?.throwIfAborted();
    return search.result();
  } catch (error) {
    search.end();
    search.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

class Search {
  readonly observations: Observation[] = [];
  readonly firstAnswer: Promise<void>;
  readonly secondAnswer: Promise<void>;
  private readonly failures: ServerFailure[] = [];
  private readonly streams = new Set<ByteStream>();
  /** Servers under several names are asked once: a second connection between the same two ports cannot be. */
  private readonly taken = new Set<string>();
  private readonly ended = new AbortController();
  private readonly answered: (() => void)[] = [];

  constructor(private readonly options: DiscoveryOptions) {
    [this.firstAnswer, this.secondAnswer] = [this.nextAnswer(), this.nextAnswer()];
  }

  get signal(): AbortSignal {
    return this.ended.signal;
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  /** Stops what is under way; answers that came stay, with their connections. */
  end(): void {
    this.ended.abort(new Error('the search is over'));
  }

  close(): void {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  result(): ExternalAddress {
    const { observations, failures } = this;
    return {
      mapped: mostSeen(observations),
      observations,
      agreement: agreementOf(observations),
      failures,
      close: () => this.close(),
    };
  }

  /** Never rejects. */
  async ask(server: string): Promise<void> {
    // A signal of its own, so that the end of the search does not reach a connection that is to stay open.
    const own = new AbortController();
    const stop = () => own.abort(this.signal.reason);
    this.signal.addEventListener('abort', stop, { once: true });
    if (this.over) stop();
    let stream: ByteStream | undefined;
    try {
      stream = await this.connect(server, own.signal);
      const { clock, random, family, timeoutMs = 2_000 } = this.options;
      const mapped = await bindOverTcp(stream, { clock, random, timeoutMs, signal: own.signal });
      if (isIP(mapped.address) !== family)
        throw systemError('EPROTO', `the server answered with ${mapped.address}, not IPv${family}`);
      this.observations.push({ server, mapped });
      this.answered.shift()?.();
    } catch (error) {
      if (stream) {
        stream.destroy();
        this.streams.delete(stream);
      }
      const { code, message } = describeError(error);
      if (!this.over) this.failures.push({ server, code, message });
    } finally {
      this.signal.removeEventListener('abort', stop);
    }
  }

  private async connect(server: string, signal: AbortSignal): Promise<ByteStream> {
    const { net, local, timeoutMs = 2_000 } = this.options;
    const remote = await this.locate(server, signal);
    const stream = await net.connectTcp({ remote, local, sharePort: net.capabilities.sharedPort, timeoutMs, signal });
    // A connection that breaks later is of no interest: it only kept a mapping alive.
    stream.on('error', () => {});
    stream.once('close', () => this.streams.delete(stream));
    this.streams.add(stream);
    return stream;
  }

  private async locate(server: string, signal: AbortSignal): Promise<Endpoint> {
    const name = parseHostPort(server);
    if (!name) throw systemError('EINVAL', `${server} is not host:port`);
    const { net, clock, family, timeoutMs = 2_000 } = this.options;
    const addresses = await withDeadline(net.resolve(name.host, { signal }), {
      clock,
      timeoutMs,
      signal,
      expired: () => systemError('ETIMEDOUT', `${name.host} was not resolved within ${timeoutMs} ms`),
    });
    const fitting = addresses.filter((address) => isIP(address) === family);
    if (fitting.length === 0) throw systemError('ENOTFOUND', `${name.host} has no IPv${family} address`);
    const address = fitting.find((candidate) => !this.taken.has(`${candidate} ${name.port}`));
    if (address === undefined) throw systemError('EALREADY', `${server} is another name of a server that was asked`);
    this.taken.add(`${address} ${name.port}`);
    return { address, port: name.port };
  }

  private nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.answered.push(resolve);
    });
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
