import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { Host } from './host.js';
import type { LabProcess } from './process.js';
import type { GatewayPlan } from './topology.js';

export interface GatewayOptions {
  /** External address to claim instead of its own. */
  readonly claims?: string;
  /** The least lease that PCP gives, in seconds. @default 120 */
  readonly leastLeaseSeconds?: number;
}

/** A port mapping in the router's nft rules. */
export interface NftMapping {
  readonly transport: string;
  readonly externalPort: number;
  /** `address:port` of the host it leads to. */
  readonly leadsTo: string;
}

/** A router's miniupnpd. Its mappings are nft rules, which outlive it. */
export class GatewayProcess {
  private process: LabProcess | undefined;

  constructor(
    private readonly router: Host,
    private readonly plan: GatewayPlan,
  ) {}

  /** Starts it without any mappings, and resolves when it listens. */
  async start({ claims, leastLeaseSeconds = 120 }: GatewayOptions = {}): Promise<void> {
    const { maps, external, inside, node } = this.plan;
    const speaksUpnp = maps.includes('igdv1') || maps.includes('igdv2');
    const config = [
      'ext_ifname=wan',
      'listening_ip=lan',
      // miniupnpd does not start when it is told a private one.
      ...(claims === undefined && external.startsWith('100.') ? [] : [`ext_ip=${claims ?? external}`]),
      `enable_natpmp=${maps.includes('nat-pmp') || maps.includes('pcp') ? 'yes' : 'no'}`,
      `enable_upnp=${speaksUpnp ? 'yes' : 'no'}`,
      `force_igd_desc_v1=${maps.includes('igdv1') ? 'yes' : 'no'}`,
      `min_lifetime=${leastLeaseSeconds}`,
      'secure_mode=yes',
      'upnp_table_name=lab',
      'upnp_nat_table_name=lab',
      'upnp_forward_chain=miniupnpd',
      'upnp_nat_chain=prerouting_miniupnpd',
      'upnp_nat_postrouting_chain=postrouting_miniupnpd',
      `uuid=00000000-0000-0000-0000-0000000000${Buffer.from(node.slice(-1)).toString('hex')}`,
      `allow 1024-65535 ${inside} 1024-65535`,
      'deny 0-65535 0.0.0.0/0 0-65535',
      '',
    ];
    writeFileSync(join(this.router.folder, 'miniupnpd.conf'), config.join('\n'));
    const folder = this.router.insideFolder;
    const argv = ['miniupnpd', '-d', '-f', `${folder}/miniupnpd.conf`, '-P', `${folder}/miniupnpd.pid`];
    this.process = this.router.spawn(argv, { name: 'miniupnpd' });
    const ready = speaksUpnp ? /HTTP listening on port/ : /Listening for NAT-PMP/;
    await this.process.line('sign of readiness', (line) => ready.test(line) || undefined);
  }

  /** Ends it and loses its mappings, as a router that is switched off does. */
  async loseAll(): Promise<void> {
    await this.process?.stop('SIGKILL');
    const chains = ['prerouting_miniupnpd', 'postrouting_miniupnpd', 'miniupnpd'];
    await this.router.exec(['nft', '-f', '-'], { input: chains.map((chain) => `flush chain inet lab ${chain}\n`).join('') });
  }

  /** What the kernel forwards: replies of the daemon prove nothing. */
  async mappings(): Promise<readonly NftMapping[]> {
    const rules = await this.router.exec(['nft', '-n', 'list', 'chain', 'inet', 'lab', 'prerouting_miniupnpd']);
    return rules.split('\n').flatMap((rule) => {
      const [, transport, port, leadsTo] = /(tcp|udp|0x6|0x11) (?:th )?dport (\d+) .*dnat ip to ([\d.]+:\d+)/.exec(rule) ?? [];
      if (transport === undefined || leadsTo === undefined) return [];
      const names: Readonly<Record<string, string>> = { '0x6': 'tcp', '0x11': 'udp' };
      return [{ transport: names[transport] ?? transport, externalPort: Number(port), leadsTo }];
    });
  }

  /** `[address]:port` of those whom the kernel lets in to by IPv6. */
  async pinholes(): Promise<readonly string[]> {
    const rules = await this.router.exec(['nft', '-n', 'list', 'chain', 'inet', 'lab', 'miniupnpd']);
    return rules.split('\n').flatMap((rule) => {
      // nft does not know what the daemon has asked for: 16 bytes at bit 192 of the header are the destination (RFC 8200 §3).
      const [, port, address] = /th dport (\d+) @nh,192,128 0x([0-9a-f]{32}) .*accept/.exec(rule) ?? [];
      if (port === undefined || address === undefined) return [];
      return [`[${ipaddr.fromByteArray([...Buffer.from(address, 'hex')])}]:${port}`];
    });
  }

  /** The rules as nft prints them, for messages. */
  rules(): Promise<string> {
    return this.router.exec(['nft', 'list', 'table', 'inet', 'lab']);
  }

  /** Its last lines, for messages. */
  tail(): string {
    return this.process?.tail(40) ?? '';
  }
}
