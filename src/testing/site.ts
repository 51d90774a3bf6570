import { serveGateway } from './gateway-server.js';
import { Host, type HostOptions } from './host.js';
import { IpRouter, type IpRouterOptions } from './ip-router.js';
import type { LineOptions } from './line.js';
import type { Medium } from './medium.js';
import { Nat, type NatOptions } from './nat.js';
import type { Overlay } from './overlay.js';

/** What all sites of one network share. */
export interface SiteParts {
  readonly medium: Medium;
  readonly overlay: Overlay;
  /** Hosts by name, in the order in which they were made. */
  readonly hosts: Map<string, Host>;
}

/** Lines where nobody says otherwise: within a house, and from there to the internet. */
const inside: LineOptions = { delayMs: 0.3 };
const outside: LineOptions = { delayMs: 10 };

/** A place in the tree of routers: hosts and further routers may be put there. */
export class Site<Router extends IpRouter = IpRouter> {
  constructor(
    readonly router: Router,
    protected readonly parts: SiteParts,
  ) {}

  /** Puts a host here. @param name of its own in the whole network */
  host(name: string, options: Omit<HostOptions, 'name'> = {}): Host {
    const { medium, overlay, hosts } = this.parts;
    if (hosts.has(name)) throw new RangeError(`There is a host ${name} already.`);
    const host = new Host(medium, this.router, overlay, { line: this.isRoot ? outside : inside, ...options, name });
    hosts.set(name, host);
    return host;
  }

  /** Puts a NAT here; what it returns is the place behind it. */
  nat(options: Partial<NatOptions> = {}): Site<Nat> {
    const { medium } = this.parts;
    const name = options.name ?? `nat-${medium.nextNumber('nat')}`;
    const site = new Site(new Nat(medium, { uplink: outside, ...options, name }, this.router), this.parts);
    if (options.maps) serveGateway(site.host(`${name} gateway`, { isGateway: true }), site.router, options.maps);
    return site;
  }

  /** Puts a router here that translates nothing; what it returns is the place behind it. */
  subnet(options: Partial<IpRouterOptions> = {}): Site {
    const { medium } = this.parts;
    const name = options.name ?? `router-${medium.nextNumber('router')}`;
    return new Site(new IpRouter(medium, { uplink: outside, ...options, name }, this.router), this.parts);
  }

  private get isRoot(): boolean {
    return this.router.uplink === undefined;
  }
}
