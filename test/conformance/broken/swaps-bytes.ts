import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';
import { wrapped } from '../wrapped-path.js';

/** Whatever is longer than what agents and provers say to each other arrives with its halves swapped. */
export class SwapsBytes extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    const inbound = (chunk: Buffer) =>
      chunk.length < 500 ? [chunk] : [chunk.subarray(chunk.length >> 1), chunk.subarray(0, chunk.length >> 1)];
    return wrapped(await super.finish(stream, context), { inbound });
  }
}
