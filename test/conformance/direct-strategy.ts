import { z } from 'zod';
import { withDeadline } from '../../src/core/deadline.js';
import { describeError, StrategyError } from '../../src/core/errors.js';
import type { ByteStream, Endpoint } from '../../src/core/net.js';
import { isPublicAddress } from '../../src/core/reach.js';
import type { AttemptContext, Path, Strategy, StrategyServices } from '../../src/core/strategy.js';
import { tcpPath } from '../../src/discovery/tcp-path.js';

const deadlineMs = 10_000;
const offer = z.object({ address: z.string(), port: z.number().int().min(1).max(65_535) });

/**
 * The least that keeps the contract: the controlled end listens, the other connects. Both have to be public. What is broken on purpose
 * in other files is one method of it.
 */
export class DirectStrategy implements Strategy {
  readonly name: string = 'direct';

  constructor(protected readonly services: StrategyServices) {}

  async attempt(context: AttemptContext): Promise<Path> {
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    try {
      return await (context.role === 'controlled' ? this.listen(context, signal) : this.dial(context, signal));
    } catch (error) {
      throw this.failure(error, context.signal);
    } finally {
      over.abort();
    }
  }

  async close(): Promise<void> {}

  protected async listen(context: AttemptContext, signal: AbortSignal): Promise<Path> {
    signal.throwIfAborted();
    const { net } = this.services;
    const address = net.interfaces().find(({ internal, family }) => !internal && family === 4)?.address ?? '';
    const accepted = new Set<ByteStream>();
    let take: (stream: ByteStream) => void = () => {};
    const taken = new Promise<ByteStream>((resolve) => {
      take = resolve;
    });
    const listener = await net.listenTcp({
      local: { address, port: 0 },
      onStream: (stream) => {
        accepted.add(stream);
        void this.accept(stream, context).then(take, () => stream.destroy());
      },
    });
    let path: ByteStream | undefined;
    try {
      signal.throwIfAborted();
      await context.channel.send({ address, port: listener.local?.port });
      path = await this.inTime(taken, signal);
      return await this.finish(path, context);
    } finally {
      for (const stream of accepted) if (stream !== path) stream.destroy();
      await this.release(listener);
    }
  }

  protected async dial(context: AttemptContext, signal: AbortSignal): Promise<Path> {
    signal.throwIfAborted();
    const remote = this.parse(await this.inTime(context.channel.receive(), signal));
    const stream = await this.services.net.connectTcp({ remote, timeoutMs: deadlineMs, signal });
    await context.prove(stream, { speakFirst: true });
    return this.finish(stream, context);
  }

  protected async accept(stream: ByteStream, { prove }: AttemptContext): Promise<ByteStream> {
    await prove(stream, { speakFirst: false });
    return stream;
  }

  protected parse(message: unknown): Endpoint {
    const parsed = offer.safeParse(message);
    if (parsed.success && isPublicAddress(parsed.data.address)) return parsed.data;
    throw new StrategyError('CANDIDATES_INVALID', 'The peer offers no address that can be dialled.');
  }

  protected inTime<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
    const expired = () => new StrategyError('STRATEGY_NO_PATH', 'The peer said nothing in time.');
    return withDeadline(promise, { clock: this.services.clock, timeoutMs: deadlineMs, signal, expired });
  }

  protected async finish(stream: ByteStream, _context: AttemptContext): Promise<Path> {
    return tcpPath(this.services.net, stream);
  }

  protected async release(listener: { close(): Promise<void> }): Promise<void> {
    await listener.close();
  }

  protected failure(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof StrategyError) return error;
    if (signal.aborted) return signal.reason;
    return new StrategyError('STRATEGY_NO_PATH', `There is no connection: ${describeError(error).message}.`, { cause: error });
  }
}
