import os from 'node:os';
import { explanationSchema, recentEventsSchema, statusSchema } from '../control/schemas.js';
import type { Config } from '../core/config.js';
import { describeError } from '../core/errors.js';
import { ownVersion } from '../own-package.js';
import { routeOf } from './agent-command.js';
import { ControlClient } from './control-client.js';
import { type Diagnosis, diagnosisText } from './doctor.js';
import { Pseudonyms } from './pseudonyms.js';
import { redact } from './redaction.js';

/** Peers whose attempts are told. */
const maxExplained = 8;

/** Everything that a bug report should say of this machine, made fit to be shown to strangers. @param examine the doctor */
export async function bugReport(config: Config, examine: () => Promise<Diagnosis>): Promise<string> {
  const agent = new ControlClient(config.runtimeDir);
  const orWhy = <Result>(asked: Promise<Result>) => asked.catch((error: unknown) => describeError(error));
  const status = await orWhy(agent.get('/v1/status', statusSchema));
  const peers = 'peers' in status ? status.peers.slice(-maxExplained) : [];
  const attempts = await Promise.all(
    peers.map(async ({ key }) => orWhy(agent.get(routeOf(key), explanationSchema).then((explained) => explained.attempts))),
  );
  const recent = await orWhy(agent.get('/v1/events/recent', recentEventsSchema));
  const events = 'events' in recent ? recent.events : [recent];
  const sections: readonly (readonly [title: string, text: string])[] = [
    ['versions', json(versions())],
    ['configuration, without secrets', json(publicConfig(config))],
    ['doctor', diagnosisText(await examine())],
    ['status', json(redact(status, true))],
    ['attempts of the last peers', json(redact(attempts, true))],
    ['recent events', events.map((event) => JSON.stringify(redact(event, true))).join('\n')],
  ];
  const text = sections.map(([title, content]) => `## ${title}\n\n${content.trimEnd()}\n`).join('\n');
  return `${heading}\n${pseudonymsFor(config).apply(text)}`;
}

const heading = `# Bug report of ratatoskr

Addresses and keys have other names here, the same ones throughout, and secrets are left out. Read it before you send it to anybody.
`;

function versions(): Record<string, unknown> {
  const { node, uv, openssl } = process.versions;
  return { ratatoskr: ownVersion(), node, uv, openssl, platform: `${process.platform} ${process.arch}`, kernel: os.release() };
}

/** Options of plugins may hold anything: of words in them only that there are some is told. */
function publicConfig(config: Config): unknown {
  const use = (uses: Config['strategies']) =>
    uses.map(({ use: name, options }) => ({ use: name, options: withoutWords(options) }));
  const turn = config.relay.turn.map(({ uri: { port, transport }, auth }) => ({
    server: '[a TURN server]',
    port,
    transport,
    auth,
  }));
  const { strategies, discovery, relay } = config;
  return redact({ ...config, strategies: use(strategies), discovery: use(discovery), relay: { ...relay, turn } }, true);
}

function withoutWords(value: unknown): unknown {
  if (typeof value === 'string') return '[text]';
  if (Array.isArray(value)) return value.map(withoutWords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutWords(item)]));
}

/** Names that tell who somebody is, wherever they stand: of this machine, its user, and the servers that are the operator's own. */
function pseudonymsFor({ relay }: Config): Pseudonyms {
  const user = (() => {
    try {
      return os.userInfo().username;
    } catch {
      return '';
    }
  })();
  const words: (readonly [string, string])[] = [
    [os.homedir(), '~'],
    [os.hostname(), '[host]'],
    ...relay.turn.flatMap(({ uri: { host, user: name } }): [string, string][] => [
      [host, '[a TURN server]'],
      [name, '[a TURN user]'],
    ]),
    [user, '[user]'],
  ];
  // A short word is part of others, and names nobody.
  return new Pseudonyms(words.filter(([word]) => word.length > 3 && word !== 'root' && word !== '/root'));
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
