import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Clock, systemClock } from '../../src/core/clock.js';
import type { DiscoveryServices } from '../../src/core/discovery-source.js';
import { ConfigError, type RatatoskrError } from '../../src/core/errors.js';
import type { Logger } from '../../src/core/logger.js';
import { discoveryPlugins } from '../../src/core/plugins/discovery-plugins.js';
import { loadPlugins } from '../../src/core/plugins/load-plugins.js';
import { type LoadedStrategy, strategyPlugins } from '../../src/core/plugins/strategy-plugins.js';
import { defineStrategy, type Strategy, type StrategyDefinition, type StrategyServices } from '../../src/core/strategy.js';
import { FakeClock } from './fake-clock.js';

const fixtures = fileURLToPath(new URL('../fixtures/plugins', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-plugins-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As `npm install` leaves a package in a folder's node_modules. */
function install(place: string, name: string): string {
  const at = join(folder, place, 'node_modules', name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(join(fixtures, 'packages', name), at);
  return join(folder, place);
}

const strategyOf = (name: string): Strategy => ({ name, attempt: () => Promise.reject(new Error('not in this test')) });
const builtIn = ['relay', 'tcp-hole-punching'].map((name) =>
  defineStrategy({ name, apiVersion: 1, options: z.strictObject({}), create: () => strategyOf(name) }),
) as StrategyDefinition[];
const log: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface LoadOptions {
  readonly folders?: readonly string[];
  readonly clock?: Clock;
}

function load(uses: readonly (string | LoadedUse)[], { folders = [fixtures], clock = systemClock }: LoadOptions = {}) {
  const services = { clock, log, stateDir: '/state' } as unknown as StrategyServices;
  const entries = uses.map((use) => (typeof use === 'string' ? { use, options: {} } : use));
  return loadPlugins(strategyPlugins, entries, { builtIn, services, pluginFolders: folders });
}
interface LoadedUse {
  readonly use: string;
  readonly options: Record<string, unknown>;
}

function strategyIn(loaded: LoadedStrategy | undefined): Strategy {
  if (loaded && 'made' in loaded.outcome) return loaded.outcome.made;
  throw failureIn(loaded);
}

function failureIn(loaded: LoadedStrategy | undefined): RatatoskrError {
  if (loaded && 'failure' in loaded.outcome) return loaded.outcome.failure;
  throw new Error('it loaded');
}

const probe = (strategy: Strategy) => strategy.probe?.({ signal: new AbortController().signal });

describe('a plugin', () => {
  it('is found by the path of its file, gets its options and a folder of its own', async () => {
    const [loaded] = await load([{ use: './sound.mjs', options: { reason: 'a good one' } }]);
    expect(loaded?.plugin).toEqual({ file: join(fixtures, 'sound.mjs') });
    expect(await probe(strategyIn(loaded))).toEqual({ usable: 'yes', reason: 'a good one, /state/plugins/sound' });
  });

  it('is found as a package in the node_modules of the folder or of one above it', async () => {
    const place = install('found', 'ratatoskr-strategy-sound');
    const [loaded] = await load(['ratatoskr-strategy-sound'], { folders: [join(place, 'deep', 'down')] });
    expect(loaded?.plugin).toMatchObject({ packageName: 'ratatoskr-strategy-sound', version: '1.2.3' });
    expect(strategyIn(loaded).name).toBe('packaged');
  });

  it('may have a scope, and name its module by main', async () => {
    const place = install('scoped', '@scope/ratatoskr-strategy-scoped');
    const [loaded] = await load(['@scope/ratatoskr-strategy-scoped'], { folders: [place] });
    expect(strategyIn(loaded).name).toBe('scoped');
  });

  it('is taken from the later folder when the earlier has none', async () => {
    const place = install('later', 'ratatoskr-strategy-sound');
    const [loaded] = await load(['ratatoskr-strategy-sound'], { folders: [join(folder, 'empty'), place] });
    expect(strategyIn(loaded).name).toBe('packaged');
  });

  it('may be the path of a package’s folder', async () => {
    const [loaded] = await load(['./packages/ratatoskr-strategy-sound']);
    expect(loaded?.plugin).toMatchObject({ version: '1.2.3' });
    expect(strategyIn(loaded).name).toBe('packaged');
  });

  it('may bring another zod', async () => {
    const [good, bad] = await Promise.all([
      load([{ use: './other-zod.mjs', options: { port: 7 } }]),
      load([{ use: './other-zod.mjs', options: { port: 'seven' } }]),
    ]);
    expect(await probe(strategyIn(good[0]))).toEqual({ usable: 'yes', reason: 'port 7' });
    expect(failureIn(bad[0])).toMatchObject({ code: 'STRATEGY_OPTIONS_INVALID', message: expect.stringContaining('port: ') });
  });
});

const brokenFiles: readonly (readonly [file: string, code: string, message: RegExp])[] = [
  ['throws-at-load', 'PLUGIN_LOAD_FAILED', /no such library/],
  ['exports-garbage', 'PLUGIN_INVALID', /no default export that defineStrategy\(\) made/],
  ['exports-nothing', 'PLUGIN_INVALID', /no default export that defineStrategy\(\) made/],
  ['plain-object', 'PLUGIN_INVALID', /no default export that defineStrategy\(\) made/],
  ['wrong-api-version', 'PLUGIN_API_VERSION', /version 2 .* this agent has version 1/],
  ['bad-name', 'PLUGIN_INVALID', /no name of lower-case words/],
  ['no-schema', 'PLUGIN_INVALID', /no zod schema/],
  ['no-create', 'PLUGIN_INVALID', /no function create/],
  ['throwing-getter', 'PLUGIN_INVALID', /not today/],
  ['schema-throws', 'PLUGIN_INVALID', /schema broke/],
  ['named-relay', 'PLUGIN_NAME_TAKEN', /called relay, as is a built-in strategy/],
  ['throws-in-create', 'PLUGIN_CREATE_FAILED', /out of luck/],
  ['promise-from-create', 'PLUGIN_INVALID', /create\(\) did not return a strategy/],
  ['no-attempt', 'PLUGIN_INVALID', /create\(\) did not return a strategy/],
];

describe('a broken plugin', () => {
  it.each(brokenFiles)('that %s is left out as %s, with its name, and the next one loads', async (file, code, message) => {
    const [broken, next] = await load([`./${file}.mjs`, 'tcp-hole-punching']);
    const failure = failureIn(broken);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(failure.message).toMatch(new RegExp(file));
    expect(failure.help).toMatch(/^\S.*\.$/);
    expect(strategyIn(next).name).toBe('tcp-hole-punching');
  });

  it('that hangs while it is loaded is left out after a while', async () => {
    const clock = new FakeClock();
    let loaded: readonly LoadedStrategy[] | undefined;
    void load(['./hangs-at-load.mjs', 'relay'], { clock }).then((result) => {
      loaded = result;
    });
    while (!loaded) await clock.advance(1000);
    expect(failureIn(loaded[0])).toMatchObject({
      code: 'PLUGIN_LOAD_TIMEOUT',
      message: expect.stringContaining('hangs-at-load'),
    });
    expect(strategyIn(loaded[1]).name).toBe('relay');
  });

  it('that is no JavaScript is left out', async () => {
    writeFileSync(join(folder, 'does-not-parse.mjs'), 'export default {');
    const [loaded] = await load(['./does-not-parse.mjs'], { folders: [folder] });
    expect(failureIn(loaded)).toMatchObject({ code: 'PLUGIN_LOAD_FAILED', message: expect.stringContaining('does-not-parse') });
  });

  it('whose package.json is no JSON is left out', async () => {
    const place = join(folder, 'bad', 'node_modules', 'ratatoskr-strategy-bad');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), '{ "name": ');
    const [loaded] = await load(['ratatoskr-strategy-bad'], { folders: [join(folder, 'bad')] });
    expect(failureIn(loaded)).toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining('no valid package.json'),
    });
  });

  it('that takes the name of an earlier one is left out', async () => {
    const [first, second] = await load(['./sound.mjs', './named-sound.mjs']);
    expect(strategyIn(first).name).toBe('sound');
    expect(failureIn(second)).toMatchObject({
      code: 'PLUGIN_NAME_TAKEN',
      message: 'The strategy of ./named-sound.mjs is called sound, as is that of ./sound.mjs.',
    });
  });

  it('whose options are wrong is left out with each thing that is wrong', async () => {
    const [loaded] = await load([{ use: './sound.mjs', options: { reason: 7, other: 1 } }]);
    expect(failureIn(loaded)).toMatchObject({
      code: 'STRATEGY_OPTIONS_INVALID',
      message: expect.stringMatching(/reason: .*; .*other/),
    });
  });

  it('that is not installed is left out, with the command that installs it', async () => {
    const [loaded] = await load(['ratatoskr-strategy-elsewhere'], { folders: [folder] });
    expect(failureIn(loaded)).toMatchObject({
      code: 'PLUGIN_NOT_FOUND',
      help: `Install it with: npm install --prefix ${folder} ratatoskr-strategy-elsewhere`,
    });
  });

  it('that is a path to nothing is left out', async () => {
    const [loaded] = await load(['./nothing-there']);
    expect(failureIn(loaded)).toMatchObject({ code: 'PLUGIN_NOT_FOUND', message: expect.stringContaining('nothing-there') });
  });

  it.each([
    ['ratatoskr-strategy-no-keyword', 'PLUGIN_INVALID', 'its keywords lack ratatoskr-strategy'],
    ['ratatoskr-strategy-unbuilt', 'PLUGIN_NOT_FOUND', 'no such file'],
  ])('as the package %s is left out as %s', async (name, code, message) => {
    const [loaded] = await load([name], { folders: [install(name, name)] });
    expect(failureIn(loaded)).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('a built-in strategy', () => {
  it('that does not exist is an error of the configuration, with the one that was meant', async () => {
    const loading = load(['tcp-hole-punchin']);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.toMatchObject({
      code: 'STRATEGY_UNKNOWN',
      message: expect.stringContaining('mean tcp-hole-punching?'),
    });
  });

  it('with wrong options is an error of the configuration', async () => {
    const loading = load([{ use: 'relay', options: { unheard: 1 } }]);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.toMatchObject({ code: 'STRATEGY_OPTIONS_INVALID' });
  });

  it('that does not exist keeps every plugin from being run', async () => {
    await expect(load(['./throws-at-load.mjs', 'unheard-of'])).rejects.toMatchObject({ code: 'STRATEGY_UNKNOWN' });
  });
});

describe('the discovery source that docs/plugins.md shows', () => {
  it('loads, and has its options checked', async () => {
    const page = readFileSync(new URL('../../docs/plugins.md', import.meta.url), 'utf8');
    const [, , source] = page.split(/^```js$/m);
    const place = join(folder, 'documented');
    mkdirSync(join(place, 'node_modules'), { recursive: true });
    const root = fileURLToPath(new URL('../..', import.meta.url));
    symlinkSync(root, join(place, 'node_modules', 'ratatoskr'));
    symlinkSync(join(root, 'node_modules', 'zod'), join(place, 'node_modules', 'zod'));
    writeFileSync(join(place, 'package.json'), JSON.stringify({ type: 'module', exports: './index.js' }));
    writeFileSync(join(place, 'index.js'), source?.split('```')[0] ?? '');
    const services = { clock: systemClock, log, stateDir: '/state' } as unknown as DiscoveryServices;
    const load = (options: Record<string, unknown>) =>
      loadPlugins(discoveryPlugins, [{ use: './', options }], { builtIn: [], services, pluginFolders: [place] });
    expect(await load({ name: 'peers.example.net' })).toMatchObject([{ outcome: { made: { name: 'dns' } } }]);
    expect(await load({})).toMatchObject([{ outcome: { failure: { code: 'DISCOVERY_OPTIONS_INVALID' } } }]);
  });
});
