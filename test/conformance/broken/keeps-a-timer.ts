import type { ByteStream } from '../../../src/core/net.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class KeepsATimer extends DirectStrategy {
  protected override async finish(stream: ByteStream, context: AttemptContext): Promise<Path> {
    const { clock } = this.services;
    const tick = () => {
      clock.setTimer(1000, tick);
    };
    tick();
    return super.finish(stream, context);
  }
}
