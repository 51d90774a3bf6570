import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigReader } from '../../src/cli/config-source.js';
import { exitCodes } from '../../src/cli/exit-codes.js';
import { type ConfigOverride, defaultConfig, parseConfig } from '../../src/core/config.js';
import { ConfigError, PluginError } from '../../src/core/errors.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

async function ratatoskr(args: string[], stdin = '') {
  const runs: { file: string | undefined; overrides: readonly ConfigOverride[] }[] = [];
  const told = await runCommand(args, {
    stdin: Readable.from([stdin]),
    validate: async ({ strategies }) => {
      if (strategies[0]?.use === 'unheard-of') throw new ConfigError('STRATEGY_UNKNOWN', 'there is no strategy unheard-of');
      if (strategies[0]?.use === './broken') throw new PluginError('PLUGIN_INVALID', './broken has no function create.');
    },
    run: async (configFile, overrides) => {
      runs.push({ file: configFile, overrides });
      return 0;
    },
  });
  return { ...told, runs };
}

describe('ratatoskr', () => {
  test('alone shows help, with every exit code', async () => {
    const { code, out } = await ratatoskr([]);
    expect(code).toBe(0);
    expect(out).toContain('Usage: ratatoskr');
    for (const { code: exitCode, meaning } of Object.values(exitCodes)) expect(out).toContain(`${exitCode}  ${meaning}`);
  });

  test.each([['--help'], ['help'], ['run', '--help'], ['help', 'config']])(
    '%s %s shows help with examples on standard output',
    async (...args) => {
      const { code, out, err } = await ratatoskr(args.filter((arg) => arg !== undefined));
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('Usage: ratatoskr');
    },
  );

  test('--version shows the version', async () => {
    expect(await ratatoskr(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test.each([
    [['rum'], "unknown command 'rum'", 'Did you mean run?'],
    [
      ['frobnicate'],
      "unknown command 'frobnicate'",
      'Commands are run, config, status, peers, explain, ping, events, bridge, unbridge, doctor, bugreport, strategies, plugin, stun, relay, coordinator, and completion.',
    ],
    [['run', '--admn', 'auto'], "unknown option '--admn'", 'Did you mean --admin?'],
    [['run', 'now'], 'too many arguments', ''],
    [['run', '--log-level', 'loud'], 'Allowed choices are debug, info, warn, error.', ''],
    [['run', '--stun', 'none', '--stun', 'a:1'], '"none" stands alone', ''],
    [['run', '--strategies', ' ,'], 'At least one name', ''],
    [['run', '--admin'], 'argument missing', ''],
  ])('%j is refused with exit code 2', async (args, complaint, suggestion) => {
    const { code, err, runs } = await ratatoskr(args);
    expect(code).toBe(2);
    expect(err).toContain(complaint);
    expect(err).toContain(suggestion);
    expect(runs).toEqual([]);
  });
});

describe('ratatoskr run', () => {
  async function configOf(...args: string[]) {
    const { runs } = await ratatoskr(['run', ...args]);
    const [only] = runs;
    if (!only) throw new Error('it did not run');
    return parseConfig('', 'test', only.overrides);
  }

  test('without options runs on the defaults', async () => {
    expect(await configOf()).toEqual(defaultConfig());
  });

  test('hands on the file to read', async () => {
    expect((await ratatoskr(['run', '--config', '-'])).runs).toMatchObject([{ file: '-' }]);
  });

  test('turns its options into configuration', async () => {
    const config = await configOf(
      ...['--admin', 'unix:///a', '--stun', 'a:1', '--stun', 'b:2', '--strategies', 'x, y', '--state-dir', '/s'],
      ...['--runtime-dir', '/r', '--log-level', 'debug', '--log-format', 'json'],
    );
    expect(config).toEqual({
      ...defaultConfig(),
      admin: 'unix:///a',
      stun: ['a:1', 'b:2'],
      strategies: [
        { use: 'x', options: {} },
        { use: 'y', options: {} },
      ],
      stateDir: '/s',
      runtimeDir: '/r',
      log: { level: 'debug', addresses: 'auto', format: 'json' },
    });
  });

  test('--stun none asks no server', async () => {
    expect((await configOf('--stun', 'none')).stun).toEqual([]);
  });
});

describe('ratatoskr config', () => {
  test('prints defaults that pass its own check', async () => {
    const { out } = await ratatoskr(['config']);
    expect(await ratatoskr(['config', '--check', '-'], out)).toMatchObject({ code: 0, out: 'standard input: OK\n' });
  });

  test('--check tells every problem, the next step, and exits with 3', async () => {
    const bad = file('bad.conf', 'admni: auto\nlog: {\n  level: "loud"\n}\n');
    const { code, err, out } = await ratatoskr(['config', '--check', bad]);
    expect(code).toBe(3);
    expect(out).toBe('');
    expect(err.split('\n').slice(0, 2)).toEqual([
      `${bad}:1: there is no key admni; did you mean admin?`,
      `${bad}:3: log.level is "loud", but must be "debug", "info", "warn" or "error"`,
    ]);
    expect(err).toContain('→ ');
  });

  test('--check also tells what only an agent would refuse', async () => {
    const { code, err } = await ratatoskr(['config', '--check', '-'], 'strategies: ["unheard-of"]');
    expect(code).toBe(3);
    expect(err).toContain('there is no strategy unheard-of');
  });

  test('--check of a file that is not there exits with 3', async () => {
    const { code, err } = await ratatoskr(['config', '--check', path.join(folder, 'none.conf')]);
    expect(code).toBe(3);
    expect(err).toContain('cannot be read');
  });
});

describe('the configuration comes from', () => {
  const systemFile = file('system.conf', 'admin: tcp://system:1');
  const xdg = path.join(folder, 'xdg');
  const read = (source: Partial<ConstructorParameters<typeof ConfigReader>[0]>) =>
    new ConfigReader({
      file: undefined,
      overrides: [],
      env: {},
      uid: 1000,
      stdin: Readable.from(['admin: tcp://stdin:1']),
      systemFile,
      ...source,
    });

  test('the user’s own file before the system’s', async () => {
    mkdirSync(path.join(xdg, 'ratatoskr'), { recursive: true });
    writeFileSync(path.join(xdg, 'ratatoskr', 'ratatoskr.conf'), 'admin: tcp://user:1');
    expect((await read({ env: { XDG_CONFIG_HOME: xdg } }).read()).config.admin).toBe('tcp://user:1');
    expect((await read({ env: { XDG_CONFIG_HOME: xdg }, uid: 0 }).read()).config.admin).toBe('tcp://system:1');
  });

  test('the system’s file when the user has none', async () => {
    expect((await read({ env: { HOME: folder } }).read()).from).toBe(systemFile);
  });

  test('nowhere when there is no file', async () => {
    const reader = read({ env: { HOME: folder }, systemFile: path.join(folder, 'none') });
    expect((await reader.read()).from).toBe('the defaults');
  });

  test('standard input, which is remembered for the next time', async () => {
    const reader = read({ file: '-' });
    expect((await reader.read()).config.admin).toBe('tcp://stdin:1');
    expect((await reader.read()).config.admin).toBe('tcp://stdin:1');
  });

  test('the named file as it is each time', async () => {
    const named = file('named.conf', 'admin: tcp://one:1');
    const reader = read({ file: named });
    expect((await reader.read()).config.admin).toBe('tcp://one:1');
    writeFileSync(named, 'admin: tcp://two:2');
    expect((await reader.read()).config.admin).toBe('tcp://two:2');
  });

  test('a usual place that cannot be read is an error, not a reason to go on without it', async () => {
    await expect(read({ uid: 0, systemFile: folder }).read()).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });
});

describe('a strategy that is a path', () => {
  test('begins at the current folder on the command line', async () => {
    const { runs } = await ratatoskr(['run', '--strategies', './mine,relay']);
    expect(runs[0]?.overrides).toMatchObject([{ path: ['strategies'], value: [path.resolve('mine'), 'relay'] }]);
  });

  test('is told by config --check when it cannot be used, with exit code 3', async () => {
    const { code, err } = await ratatoskr(['config', '--check', file('broken.conf', 'strategies: [ "./broken" ]')]);
    expect({ code, err: err.split('\n')[0] }).toEqual({ code: 3, err: './broken has no function create.' });
  });
});
