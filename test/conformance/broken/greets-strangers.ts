import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class GreetsStrangers extends DirectStrategy {
  protected override async accept(stream: ByteStream, { prove }: AttemptContext): Promise<ByteStream> {
    await prove(stream, { speakFirst: true });
    return stream;
  }
}
