import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class ResolvesWithGarbage extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    const { info } = await super.finish(stream, context);
    stream.destroy();
    return { info } as unknown as Path;
  }
}
