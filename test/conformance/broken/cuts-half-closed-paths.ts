import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';
import { wrapped } from '../wrapped-path.js';

export class CutsHalfClosedPaths extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    return wrapped(await super.finish(stream, context), { endsBoth: true });
  }
}
