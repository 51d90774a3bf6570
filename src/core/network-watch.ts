import type { Net } from './net.js';
import { isOverlayAddress } from './overlay-address.js';

/** Notices when the machine's own addresses change, by looking now and then. */
export class NetworkWatch {
  private before: string | undefined;

  constructor(private readonly net: Pick<Net, 'interfaces'>) {}

  /** @returns `name address` of every interface when they are others than at the last call, sorted; the overlay and loopback do not count */
  changed(): readonly string[] | undefined {
    const addresses = this.net
      .interfaces()
      .filter(({ address, internal }) => !internal && !isOverlayAddress(address))
      .map(({ name, address }) => `${name} ${address}`)
      .sort();
    const now = addresses.join(',');
    const { before } = this;
    this.before = now;
    return before === undefined || before === now ? undefined : addresses;
  }
}
