/** Nodes, the lines between them and their settings, collected into one shell script that builds it all at once. */
export class NetworkScript {
  private readonly creation: string[] = [];
  private readonly settings = new Map<string, string[]>();
  private readonly shell: string[] = [];

  /** @param packets whether lines carry packets one by one; otherwise the kernel passes bundles of up to 64 kB as one frame */
  constructor(private readonly packets: boolean) {}

  node(name: string, { forwards = false } = {}): void {
    this.creation.push(`netns add ${name}`);
    this.settings.set(name, ['link set lo up']);
    if (forwards) this.inside(name, 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  }

  wire(one: string, device: string, other: string, otherDevice: string): void {
    this.creation.push(`link add ${device} netns ${one} type veth peer name ${otherDevice} netns ${other}`);
    const segments = this.packets ? ' gso_max_segs 1' : '';
    this.set(one, `link set ${device} up${segments}`);
    this.set(other, `link set ${otherDevice} up${segments}`);
  }

  /** @param address with the length of its prefix */
  address(node: string, device: string, address: string): void {
    // An IPv6 address would wait a second for others to claim it.
    this.set(node, `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
  }

  /** A line of `ip -batch`. */
  set(node: string, line: string): void {
    this.settings.get(node)?.push(line);
  }

  rules(node: string, ruleset: string): void {
    this.shell.push(`nsenter --net=/run/netns/${node} nft -f - <<'END'\n${ruleset}\nEND`);
  }

  /** A shell command without single quotes, run on a node before anything is set there. */
  inside(node: string, command: string): void {
    this.shell.push(`nsenter --net=/run/netns/${node} sh -c '${command}'`);
  }

  toString(): string {
    const settings = [...this.settings].map(([node, lines]) => `ip -n ${node} -batch - <<'END'\n${lines.join('\n')}\nEND`);
    return [`ip -batch - <<'END'\n${this.creation.join('\n')}\nEND`, ...this.shell, ...settings].join('\n');
  }
}
