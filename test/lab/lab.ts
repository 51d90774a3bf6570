import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { labTools } from '../../scripts/setup/lab-tools.mjs';
import { GatewayProcess } from './gateway-process.js';
import { Host } from './host.js';
import { LabError } from './lab-error.js';
import { Namespaces } from './namespaces.js';
import { type NatKindName, natKinds } from './nat-kinds.js';
import { makeRouterKey, type RouterKey, type RouterOptions, RouterProcess } from './router-process.js';
import {
  type GatewayPlan,
  type Link,
  type LinkLine,
  planTopology,
  publicAddresses,
  publicIpv6Address,
  type Sharing,
  type Site,
  sites,
  thirdAddress,
} from './topology.js';

export interface LabOptions {
  /** @default 'prc' */
  readonly a?: NatKindName;
  /** @default 'prc' */
  readonly b?: NatKindName;
  /** One-way delays of the lines to the public network, in milliseconds, or all about a line. @default none */
  readonly links?: { readonly [node in LinkLine]?: Link | number };
  /** A third host `c`, without a NAT, whose router knows the public peer too. @default false */
  readonly third?: boolean;
  /** Puts both hosts behind the routers of a's kind. @default each has its own */
  readonly sharing?: Sharing;
  /** Kind of a second NAT, behind which {@link Lab.goOver} takes host a. @default none */
  readonly other?: NatKindName;
  /** Run yggdrasil on both hosts and on the public peer. @default true */
  readonly routers?: boolean;
  /** Which host's key is the lower one, so that its agent controls. @default left to chance */
  readonly controlling?: Site;
  /** Where both hosts' routers listen beside the usual, and what they tell of themselves. */
  readonly router?: Pick<RouterOptions, 'listen' | 'nodeInfo'>;
  /** Run coturn, for STUN and TURN, on the public peer. @default true */
  readonly turn?: boolean;
}

/**
 * Two hosts behind NATs of chosen kinds and a public peer that both routers know, with STUN and TURN. See topology.ts for what is
 * between them, and namespaces.ts for why nothing of it can outlive this process.
 */
export class Lab {
  readonly a: Host;
  readonly b: Host;
  readonly p: Host;
  private readonly third: Host | undefined;
  private readonly gateways = new Map<string, GatewayProcess>();
  private connectedAt = 0;

  private constructor(
    private readonly namespaces: Namespaces,
    addresses: Readonly<Record<Site, string>>,
    third: boolean,
    /** Some line loses packets. */
    private readonly lossy: boolean,
  ) {
    this.a = new Host(namespaces, 'ha', addresses.a);
    this.b = new Host(namespaces, 'hb', addresses.b);
    this.p = new Host(namespaces, 'p', publicAddresses[0]);
    this.third = third ? new Host(namespaces, 'hc', thirdAddress) : undefined;
  }

  /** Resolves when both routers are peered with the public one and coturn answers. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const { a = 'prc', b = 'prc', links, third = false, sharing, other, routers = true, turn = true } = options;
    const tools = await labTools();
    const lines = links && completeLinks(links);
    const topology = planTopology({ a, b, third, links: lines, sharing, other });
    const namespaces = await Namespaces.open();
    try {
      await runScript(namespaces, topology.script);
      const lossy = Object.values(lines ?? {}).some((line) => line?.loss);
      const lab = new Lab(namespaces, topology.addresses, third, lossy);
      const starts: Promise<unknown>[] = topology.gateways.map((plan) => lab.startGateway(plan));
      if (topology.emulator !== undefined) {
        const emulator = lab.node('em').spawn([tools.linkEmulator, ...topology.emulator], { name: 'link-emulator' });
        starts.push(emulator.line('sign of readiness', (line) => line === 'ready' || undefined));
      }
      if (turn) starts.push(lab.startTurn());
      if (routers) starts.push(lab.startRouters(tools.yggdrasil, { a, b }, options));
      await Promise.all(starts);
      return lab;
    } catch (error) {
      await namespaces.close();
      throw error;
    }
  }

  /** The third host. @throws LabError in a laboratory without one */
  get c(): Host {
    if (this.third === undefined) throw new LabError('there is no third host');
    return this.third;
  }

  /** Any other node: `core`, `em`, or a NAT router such as `ra` (and `qa` inside it). */
  node(name: string): Host {
    return new Host(this.namespaces, name, '');
  }

  /** The miniupnpd of a router that maps ports, such as `ra`. @throws LabError for any other node */
  gateway(name: string): GatewayProcess {
    const gateway = this.gateways.get(name);
    if (gateway === undefined) throw new LabError(`${name} maps no ports`);
    return gateway;
  }

  /** The process that holds the laboratory: it lives exactly as long. */
  get pid(): number {
    return this.namespaces.pid;
  }

  /** The command that opens a shell on a host, for people. */
  shellCommand(host: Host): string {
    return this.namespaces.enter(host.name, ['bash']).join(' ');
  }

  /**
   * Resolves when the overlay routes between the two hosts. Traffic that comes earlier may leave one of them with half a session
   * for a minute: ironwood answers the same session init only once, and that answer may find no way back yet.
   */
  async settled(signal?: AbortSignal): Promise<void> {
    // The filters that lookups follow travel a hop per maintenance round of a second, after two in which the tree is agreed on;
    // no admin request shows them. What a line loses comes a retransmission later, or several.
    const roundsMs = this.lossy ? 10_000 : 4000;
    await delay(Math.max(0, this.connectedAt + roundsMs - performance.now()), undefined, signal ? { signal } : {});
  }

  /** Blocks all packets between the two sites; both still reach the public peer. */
  async cut(): Promise<void> {
    const rules = ['iifname "ca" oifname "cb" drop', 'iifname "cb" oifname "ca" drop'];
    const input = rules.map((rule) => `add rule inet lab forward ${rule}\n`).join('');
    await this.node('core').exec(['nft', '-f', '-'], { input });
  }

  /** Undoes {@link cut}. */
  async mend(): Promise<void> {
    await this.node('core').exec(['nft', 'flush', 'chain', 'inet', 'lab', 'forward']);
  }

  /** Switches a router such as `ra` off and on: its lines are dead for so long, and mappings of every kind are gone for good. */
  async reboot(name: string, downMs = 2000): Promise<void> {
    const router = this.node(name);
    const gateway = this.gateways.get(name);
    const ip = (...lines: string[]) => router.exec(['ip', '-batch', '-'], { input: lines.join('\n') });
    const route = await router.exec(['ip', 'route', 'show', 'default']);
    await gateway?.loseAll();
    await ip('link set lan down', 'link set wan down');
    await router.exec(['conntrack', '--flush']);
    await delay(downMs);
    await ip('link set lan up', 'link set wan up', `route add ${route.trim()}`);
    await gateway?.start();
  }

  /** Takes host a from its network to the other one, as a laptop does: its address, its gateway and its NAT are others then. */
  async goOver(): Promise<void> {
    const lines = [
      'link set wan down',
      'link set wlan up',
      'addr add 192.168.4.2/24 dev wlan',
      'route add default via 192.168.4.1',
    ];
    await this.a.exec(['ip', '-batch', '-'], { input: lines.join('\n') });
  }

  /** Ends everything in it. Idempotent. */
  close(): Promise<void> {
    return this.namespaces.close();
  }

  private async startGateway(plan: GatewayPlan): Promise<void> {
    const gateway = new GatewayProcess(this.node(plan.node), plan);
    this.gateways.set(plan.node, gateway);
    await gateway.start();
  }

  private async startTurn(): Promise<void> {
    const listen = publicAddresses.flatMap((address) => ['-L', address]);
    const files = [`--userdb=${this.p.insideFolder}/turn.db`, `--pidfile=${this.p.insideFolder}/turn.pid`, '--log-file=stdout'];
    const credentials = ['--lt-cred-mech', '--realm=lab', '--user=lab:lab', '--fingerprint'];
    const argv = ['turnserver', '-n', '-p', '3478', ...listen, ...credentials, '--no-cli', '--no-tls', '--no-dtls', ...files];
    await this.p.spawn(argv).line('sign of readiness', (line) => line.includes('Total General servers') || undefined);
  }

  private async startRouters(
    program: string,
    kinds: Readonly<Record<Site, NatKindName>>,
    { controlling, router = {} }: Pick<LabOptions, 'controlling' | 'router'>,
  ): Promise<void> {
    const keys = pairOfKeys(controlling);
    this.p.router = new RouterProcess(this.p, { program, key: makeRouterKey(), listen: ['tcp://[::]:5000'] });
    const prepare = (host: Host, key: RouterKey, publicPeer: string) => {
      const listen = ['tcp://0.0.0.0:7002', 'quic://127.0.0.1:7002', ...(router.listen ?? [])];
      host.router = new RouterProcess(host, { ...router, program, key, listen, peers: [`tcp://${publicPeer}:5000`] });
      return host;
    };
    const hosts = sites.map((site) => {
      const ipv6Only = natKinds[kinds[site]].families === 6;
      return prepare(this[site], keys[site], ipv6Only ? `[${publicIpv6Address}]` : publicAddresses[0]);
    });
    if (this.third) hosts.push(prepare(this.third, makeRouterKey(), publicAddresses[0]));
    // One that dials before there is an answer waits seconds before it dials again.
    await this.p.router.start();
    await Promise.all(hosts.map((host) => host.router.start()));
    await Promise.all([this.p.router.connected(hosts.length), ...hosts.map((host) => host.router.connected(1))]);
    this.connectedAt = performance.now();
  }
}

function completeLinks(links: NonNullable<LabOptions['links']>): { readonly [node in LinkLine]?: Link | undefined } {
  const complete = (link: Link | number | undefined) => (typeof link === 'number' ? { delayMs: link } : link);
  return { a: complete(links.a), b: complete(links.b), c: complete(links.c), p: complete(links.p) };
}

function pairOfKeys(controlling: Site | undefined): Record<Site, RouterKey> {
  const keys = [makeRouterKey(), makeRouterKey()] as const;
  const swap = controlling !== undefined && keys[0].publicKey < keys[1].publicKey !== (controlling === 'a');
  return swap ? { a: keys[1], b: keys[0] } : { a: keys[0], b: keys[1] };
}

async function runScript(namespaces: Namespaces, script: string): Promise<void> {
  const [file = '', ...args] = namespaces.enter(undefined, ['sh', '-e']);
  const shell = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  shell.stdin.on('error', () => undefined);
  shell.stdin.end(script);
  const [complaint, [code]] = await Promise.all([text(shell.stderr), once(shell, 'close')]);
  if (code !== 0) throw new LabError(`Cannot build the network: ${complaint.trim()}`);
}
