import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/core/config.js';
import { pages, shellScripts } from '../../documented-commands.js';
import { packed } from '../../packaging/prefix.js';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { publicAddresses } from '../topology.js';
import { expectations, notHere } from './expectations.js';
import { layFileSystem, type, typeAndEnd, typeAndLeave } from './terminal.js';

/** The page for authors of plugins is a story of its own, which test/lab/plugins/documented.test.ts tells. */
const documented = pages
  .filter(({ name }) => name !== 'docs/plugins.md')
  .flatMap(({ name, text }) => shellScripts(text).flatMap((script) => commandsOf(name, script)));
const commands = [...new Map(documented.map((each) => [each.script, each])).values()];

interface DocumentedCommand {
  readonly page: string;
  readonly line: string;
  /** The line, and the variables before it that it may use. */
  readonly script: string;
}

function commandsOf(page: string, lines: readonly string[]): DocumentedCommand[] {
  const isAssignment = (line: string) => /^\w+="[^"]*"$/.test(line);
  return lines
    .map((line, index) => ({ page, line, script: [...lines.slice(0, index).filter(isAssignment), line].join('\n') }))
    .filter(({ line }) => !isAssignment(line));
}

const here = commands.filter(({ line }) => !notHere.some(({ command }) => command.test(line)));

describe.skipIf(process.getuid?.() !== 0)('a reader who types what the documentation shows', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let tarball: string;

  beforeAll(async () => {
    lab = await Lab.create({ a: 'public', third: true });
    tarball = path.join(lab.a.insideFolder, path.basename(packed(lab.a.folder)));
    await layFileSystem(lab.a);
    await prepareMachine(lab, tarball);
    await typeAndLeave(lab.a, 'ratatoskr relay --http 127.0.0.1:4781', /relay\.ready/);
    agent = lab.a.agent({ args: ['--http', '127.0.0.1:4780'] });
    await Promise.all([agent, lab.b.agent()].map((each) => each.event('signalling.listening')));
    await lab.settled();
    await lab.a.ping(lab.b.router.address, { count: 2 });
    await agent.event('bridge.up');
  });
  afterAll(() => lab?.close());

  it.each(here)('$page: $line', async ({ line, script }) => {
    const {
      goesOnSaying,
      says = /^/,
      on = 'a',
      code: expected = 0,
    } = expectations.find(({ command }) => command.test(line)) ?? {};
    const host: Host = lab[on];
    const text = filledIn(script, lab.b, tarball);
    // Something for `ratatoskr events` to tell of.
    const happening = setInterval(() => agent.signal('SIGHUP'), 500);
    const { code, output } = goesOnSaying ? await typeAndEnd(host, text, goesOnSaying) : await type(host, text);
    clearInterval(happening);
    expect(code, output).toBe(expected);
    expect(output).toMatch(says);
    // What keeps away from the peer would spoil the rest.
    if (/ unbridge /.test(line)) {
      await type(lab.a, `ratatoskr bridge ${lab.b.router.key}; until ratatoskr ping ${lab.b.router.key}; do sleep 0.2; done`);
    }
  });
});

it('whatever is expected of a command, or why it is not run, is about one that is documented', () => {
  const patterns = [...expectations, ...notHere].map(({ command }) => command);
  expect(patterns.filter((pattern) => !commands.some(({ line }) => pattern.test(line)))).toEqual([]);
});

it('most of what is documented is run', () => {
  expect(here.length).toBeGreaterThan(50);
});

/** What the reader brings along: the addresses and files that examples name, and the program. */
async function prepareMachine({ a, c }: Lab, tarball: string): Promise<void> {
  const addresses = ['192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128'].map((address) => `addr add ${address} dev lo nodad`);
  await c.exec(['ip', '-batch', '-'], { input: addresses.join('\n') });
  const servers = parseConfig('{}', 'defaults').stun.map((place) => place.replace(/:\d+$/, ''));
  const names = ['stun.example.org', 'stun2.example.org', 'turn.example.org', ...servers];
  const hosts = names.map((name) => `${publicAddresses[0]} ${name}\n`);
  const folders = '/etc/bash_completion.d /usr/local/share/zsh/site-functions ~/.config/fish/completions';
  const { code, output } = await type(
    a,
    `mkdir -p ${folders}
     echo '{}' > /etc/ratatoskr.conf
     printf '%s' '${hosts.join('')}' >> /etc/hosts
     npm install --global --no-audit --no-fund --prefer-offline '${tarball}'`,
  );
  expect(code, output).toBe(0);
}

/** With the peer in the examples' place, and the package before it is published. */
function filledIn(script: string, peer: Host, tarball: string): string {
  const { address, key } = peer.router;
  return script
    .replaceAll('200:1234:5678::1', address)
    .replaceAll('200:1234::1', address)
    .replace(/\bPEER\b/g, address)
    .replace(/\b0{7}[0-9a-f]+…?/g, key)
    .replaceAll('RATATOSKR_TURN_SECRET=...', 'RATATOSKR_TURN_SECRET=secret')
    .replace('sudo useradd', 'userdel ratatoskr || true; sudo useradd')
    .replace('npm install --global ratatoskr', `npm install --global --prefer-offline '${tarball}'`);
}
