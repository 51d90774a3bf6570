import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';
import { wrapped } from '../wrapped-path.js';

/** Far behind what a short test looks at. */
const harmed = 12 * 1024 * 1024;

export class HarmsALateByte extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    let seen = 0;
    const inbound = (chunk: Buffer) => {
      const at = harmed - seen;
      seen += chunk.length;
      if (at < 0 || at >= chunk.length) return [chunk];
      const copy = Buffer.from(chunk);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return [copy];
    };
    return wrapped(await super.finish(stream, context), { inbound });
  }
}
