/**
 * Hands out the addresses of one realm: the public network, or what is behind one NAT. The public ones are of blocks that look like
 * anybody's; behind each NAT they begin with 192.168, and with 10 in networks further down.
 */
export class AddressPlan {
  private subnets = 0;

  private constructor(
    private readonly network: (index: number) => string,
    /** The public network's, of which every IPv6 address comes: IPv6 is not translated. */
    private readonly root: AddressPlan | undefined,
  ) {}

  static public(): AddressPlan {
    return new AddressPlan((index) => `20.0.${index}`, undefined);
  }

  /** @param number of the NAT, from 1 on */
  private(number: number, kind: 'private' | 'carrier-grade'): AddressPlan {
    const first = kind === 'private' ? '192.168' : '100.64';
    const later = kind === 'private' ? `10.${number % 256}` : `100.${65 + (number % 60)}`;
    const network = (index: number) => (index === 0 ? `${first}.${number % 256}` : `${later}.${index}`);
    return new AddressPlan(network, this.root ?? this);
  }

  subnet(): Subnet {
    const ipv4 = this.network(this.subnets++);
    const root = this.root ?? this;
    const ipv6 = `2600:0:0:${(root.subnets6++).toString(16)}`;
    return new Subnet(ipv4, ipv6);
  }

  private subnets6 = 1;
}

/** A /24 of IPv4 and a /64 of IPv6; the first address of each is the router's. */
export class Subnet {
  private next = 2;

  constructor(
    private readonly ipv4: string,
    private readonly ipv6: string,
  ) {}

  readonly prefixLength = { ipv4: 24, ipv6: 64 };

  get router(): { readonly ipv4: string; readonly ipv6: string } {
    return { ipv4: `${this.ipv4}.1`, ipv6: `${this.ipv6}::1` };
  }

  /** The next free address, of both versions. @throws RangeError when the /24 is full */
  address(): { readonly ipv4: string; readonly ipv6: string } {
    const number = this.next++;
    if (number > 254) throw new RangeError(`${this.ipv4}.0/24 is full: put further hosts behind a router of their own.`);
    return { ipv4: `${this.ipv4}.${number}`, ipv6: `${this.ipv6}::${number.toString(16)}` };
  }
}
