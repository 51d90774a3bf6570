import type { ByteStream } from '../../../src/core/net.js';
import { asPath, type Path } from '../../../src/core/strategy.js';
import { formatEndpoint } from '../../../src/discovery/candidates.js';
import { DirectStrategy } from '../direct-strategy.js';
import { wrapped } from '../wrapped-path.js';

/** On a connection that waits as long as the system does. */
export class WaitsForAFarewell extends DirectStrategy {
  protected override async finish(stream: ByteStream): Promise<Path> {
    const local = formatEndpoint({ address: stream.localAddress ?? '', port: stream.localPort ?? 0 });
    const remote = formatEndpoint({ address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 });
    return wrapped(asPath(stream, { kind: 'direct', local, remote }), { waitsForFarewell: true });
  }
}
