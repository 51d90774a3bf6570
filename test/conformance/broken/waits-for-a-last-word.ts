import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

/** When the connection is there, each end tells the other, and waits for that without end. */
export class WaitsForALastWord extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    const { channel, signal } = context;
    await channel.send('connected');
    await new Promise<unknown>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      channel.receive().then(resolve, reject);
    }).catch((error: unknown) => {
      stream.destroy();
      throw error;
    });
    return super.finish(stream, context);
  }
}
