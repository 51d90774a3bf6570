import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class TiesThePathToItsSignal extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    context.signal.addEventListener('abort', () => stream.destroy(), { once: true });
    return super.finish(stream, context);
  }
}
