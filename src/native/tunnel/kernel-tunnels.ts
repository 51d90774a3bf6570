import type { Clock } from '../../core/clock.js';
import type { KernelTunnel, KernelTunnels, OpenTunnelOptions } from '../../core/kernel-tunnel.js';
import type { Random } from '../../core/random.js';
import type { Addon, Descriptor } from '../addon.js';
import { systemError } from '../system-error.js';
import { openTunnel, type TunnelParts } from './tunnel.js';

/** Each takes a namespace of the system's, and three descriptors. */
export const maxTunnels = 64;

interface Services {
  readonly addon: Addon;
  readonly clock: Clock;
  readonly random: Random;
}

/** Tunnels by the addon. */
export function createKernelTunnels(services: Services): KernelTunnels {
  return new AddonTunnels(services);
}

interface Namespace {
  readonly tun: Descriptor;
  readonly tcp: Descriptor;
}

class AddonTunnels implements KernelTunnels {
  private tried: Promise<string | undefined> | undefined;
  private count = 0;

  constructor(private readonly services: Services) {}

  async lack(): Promise<string | undefined> {
    if (this.count >= maxTunnels) return `There are ${maxTunnels} tunnels already.`;
    this.tried ??= this.try();
    return this.tried;
  }

  async open(options: OpenTunnelOptions): Promise<KernelTunnel> {
    if (this.count >= maxTunnels) throw systemError('EMFILE', 'tunnel', `more than ${maxTunnels}`);
    this.count += 1;
    const onClosed = () => {
      this.count -= 1;
    };
    let parts: TunnelParts;
    try {
      parts = await this.prepare(options);
    } catch (error) {
      onClosed();
      throw error;
    }
    return openTunnel(parts, { ...this.services, onClosed });
  }

  /** @throws Error of the system, or the signal's reason; then it has closed what it opened */
  private async prepare(options: OpenTunnelOptions): Promise<TunnelParts> {
    const { local, listens, release, signal } = options;
    const owned: Descriptor[] = [];
    try {
      const { tun, tcp } = await this.make(listens, local.address.includes(':'));
      owned.push(tun, tcp);
      signal.throwIfAborted();
      // Before the socket is closed, so that the port stays open.
      const udp = this.services.addon.duplicateUdp(local.address, local.port);
      owned.push(udp);
      await release();
      signal.throwIfAborted();
      return { ...options, udp, tun, tcp };
    } catch (error) {
      for (const descriptor of owned) descriptor.close();
      throw error;
    }
  }

  private async try(): Promise<string | undefined> {
    try {
      const { tun, tcp } = await this.make(false, false);
      tun.close();
      tcp.close();
      return undefined;
    } catch (error) {
      const { syscall, code } = error as NodeJS.ErrnoException;
      return `The system allows no tunnel: ${syscall} failed with ${code}.`;
    }
  }

  private make(listens: boolean, ipv6: boolean): Promise<Namespace> {
    return new Promise((resolve, reject) => {
      this.services.addon.makeTunnelNamespace({ listens, ipv6 }, (error, tun, tcp) => {
        if (tun && tcp) resolve({ tun, tcp });
        else reject(error as Error);
      });
    });
  }
}
