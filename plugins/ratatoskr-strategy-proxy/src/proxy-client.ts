import {
  type ByteStream,
  type Clock,
  describeError,
  type Endpoint,
  formatEndpoint,
  type Net,
  StrategyError,
  withDeadline,
} from 'ratatoskr';
import { requestTunnel } from './http-connect.js';
import type { ProxyAddress } from './proxy-uri.js';
import type { Credentials } from './secret.js';
import { awaitCaller, greet, requestBind, requestConnect } from './socks5.js';

/** How long the proxy may take to take a connection, in milliseconds. */
const connectTimeoutMs = 3000;
/** Addresses of its name that are tried. */
const maxAddresses = 3;
/** How long it may take for what it is asked, the connection to the target included, in milliseconds. */
const answerTimeoutMs = 6000;
/** A proxy that is gone is noticed after this long, in milliseconds, a connection at rest included. */
const tuning = { userTimeoutMs: 3000, keepAliveMs: 1000 };

export interface ProxyClientParts {
  readonly address: ProxyAddress;
  /** Reads them; the proxy may need none. */
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly net: Net;
  readonly clock: Clock;
}

/** A port at the proxy that waits for one caller. */
export interface BoundPort {
  readonly endpoint: Endpoint;
  /** The connection, once there is a caller. Rejects when the proxy or the signal ends the wait. */
  readonly caller: Promise<ByteStream>;
}

/** The proxy that an end goes through. Failures are StrategyErrors, or the signal's reason. */
export class ProxyClient {
  /** `host:port`, for people. */
  readonly name: string;

  constructor(private readonly parts: ProxyClientParts) {
    const { host, port } = parts.address;
    this.name = formatEndpoint({ address: host, port });
  }

  get canBind(): boolean {
    return this.parts.address.protocol === 'socks5';
  }

  /** Sees whether it lets us in, as far as it says before it is asked to connect. */
  async probe(signal: AbortSignal): Promise<void> {
    const stream = await this.open(async () => undefined, signal);
    stream.destroy();
  }

  /** A connection through the proxy: whoever is at the other end speaks next. */
  async connect(target: Endpoint, signal: AbortSignal): Promise<ByteStream> {
    return this.open(
      (stream, credentials) =>
        this.canBind ? requestConnect(stream, target, signal) : requestTunnel(stream, target, credentials),
      signal,
    );
  }

  /** Asks a SOCKS5 proxy for a port of its own to be called at; it ends with the signal, unless there was a caller. */
  async bind(signal: AbortSignal): Promise<BoundPort> {
    let endpoint: Endpoint = { address: '0.0.0.0', port: 0 };
    const stream = await this.open(async (opened) => {
      endpoint = await requestBind(opened, signal);
    }, signal);
    // Servers that listen on every address say so (RFC 1928 has them tell the address): then it is the one we know them by.
    const unspecified = endpoint.address === '0.0.0.0' || endpoint.address === '::';
    const address = unspecified ? (stream.remoteAddress ?? endpoint.address) : endpoint.address;
    const caller = awaitCaller(stream, signal).then(
      () => stream,
      (error: unknown) => {
        stream.destroy();
        throw error;
      },
    );
    caller.catch(() => {});
    return { endpoint: { ...endpoint, address }, caller };
  }

  /** Connects, authenticates and asks; what fails leaves no connection. */
  private async open(
    ask: (stream: ByteStream, credentials: Credentials | undefined) => Promise<void>,
    signal: AbortSignal,
  ): Promise<ByteStream> {
    const credentials = await this.parts.credentials();
    const stream = await this.dial(signal);
    // A broken stream is found by whoever reads it.
    stream.on('error', () => {});
    const onAbort = () => stream.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const conversation = async () => {
        if (this.canBind) await greet(stream, credentials, signal);
        await ask(stream, credentials);
      };
      await withDeadline(conversation(), {
        clock: this.parts.clock,
        timeoutMs: answerTimeoutMs,
        signal,
        expired: () => this.failed(`did not answer within ${answerTimeoutMs / 1000} s`),
      });
      return stream;
    } catch (error) {
      stream.destroy();
      signal.throwIfAborted();
      throw error instanceof StrategyError
        ? error
        : this.failed(`ended the conversation: ${describeError(error).message}`, error);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Each of its addresses, until one answers. */
  private async dial(signal: AbortSignal): Promise<ByteStream> {
    const { net, address } = this.parts;
    let failure: unknown = new Error('its name has no address');
    try {
      for (const each of (await net.resolve(address.host, { signal })).slice(0, maxAddresses)) {
        try {
          const remote = { address: each, port: address.port };
          const stream = await net.connectTcp({ remote, timeoutMs: connectTimeoutMs, signal });
          net.tune(stream, tuning);
          return stream;
        } catch (error) {
          signal.throwIfAborted();
          failure = error;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
    throw this.failed(`cannot be reached: ${describeError(failure).message}`, failure);
  }

  private failed(what: string, cause?: unknown): StrategyError {
    return new StrategyError('STRATEGY_NO_PATH', `The proxy ${this.name} ${what}.`, {
      ...(cause === undefined ? {} : { cause }),
      help: 'Check the option proxy, and that the proxy serves this machine.',
    });
  }
}
