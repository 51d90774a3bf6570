/** What a packet filter seems to do with the connections of agents. */
export interface FilterHints {
  /** The rule that drops or rejects them, one sentence. */
  readonly blocks?: string;
  /** What is worth knowing though it need not be a hindrance, one sentence. */
  readonly note?: string;
}

/**
 * Reads a ruleset as `nft list ruleset` prints it, for rules that name the port or the overlay's interface. It looks at single rules and
 * follows no jumps: what it finds is a hint, and to find nothing proves nothing.
 */
export function filterHints(ruleset: string, overlay: { readonly port: number; readonly interface: string }): FilterHints {
  let table = '';
  let chain = '';
  let input = false;
  let accepted = false;
  let note: string | undefined;
  for (const line of ruleset.split('\n').map((each) => each.trim())) {
    const opens = /^(table|chain) (.+) \{$/.exec(line);
    if (opens?.[1] === 'table') table = opens[2] ?? '';
    if (opens?.[1] === 'chain') {
      chain = opens[2] ?? '';
      input = false;
      accepted = false;
    }
    if (!/^(inet|ip6) /.test(table)) continue;
    const hook = /^type filter hook (\w+) .*policy (\w+);/.exec(line);
    if (hook) {
      input = hook[1] === 'input';
      if (input && hook[2] === 'drop')
        note = `The chain ${chain} of table ${table} drops what it was not told to accept, which two agents that dial each other from port ${overlay.port} get through.`;
      continue;
    }
    if (!concerns(line, overlay)) continue;
    if (/\baccept\b/.test(line)) accepted = true;
    if (!accepted && /\b(drop|reject)\b/.test(line))
      return { blocks: `The packet filter has “${line}” in chain ${chain} of table ${table}.` };
  }
  return note === undefined ? {} : { note };
}

/** Does a rule match every connection of agents: by the port, by the interface, and by nothing that would leave some of them out? */
function concerns(rule: string, overlay: { readonly port: number; readonly interface: string }): boolean {
  const device = /\biifname (!= )?(\{[^}]*\}|"[^"]*")/.exec(rule);
  const onDevice =
    device !== null && device[1] === undefined && namesOf(device[2] ?? '').some((name) => fits(name, overlay.interface));
  if (device !== null && !onDevice) return false;
  const ports = /\b(?:tcp|th) dport (!= )?(\{[^}]*\}|\S+)/.exec(rule);
  const onPort = ports !== null && ports[1] === undefined && includesPort(ports[2] ?? '', overlay.port);
  if (ports !== null && !onPort) return false;
  if (!onDevice && !onPort) return false;
  return !/\b(udp|icmp|icmpv6|ct state|limit|saddr|daddr|sport|meter)\b/.test(rule);
}

function namesOf(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"/g)].map(([, name = '']) => name);
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function includesPort(text: string, port: number): boolean {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].some(([, low, high]) => port >= Number(low) && port <= Number(high ?? low));
}
