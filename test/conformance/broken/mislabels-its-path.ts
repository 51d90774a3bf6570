import type { ByteStream } from '../../../src/core/net.js';
import { type AttemptContext, asPath, type Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class MislabelsItsPath extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    const { info } = await super.finish(stream, context);
    return asPath(stream, { ...info, kind: 'relayed' });
  }
}
