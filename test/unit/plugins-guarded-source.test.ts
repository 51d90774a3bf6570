import { describe, expect, it } from 'vitest';
import type { DiscoveryContext, FoundPeer } from '../../src/core/discovery-source.js';
import type { Logger } from '../../src/core/logger.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { GuardedSource } from '../../src/core/plugins/guarded-source.js';
import { PluginLog } from '../../src/core/plugins/plugin-log.js';
import { FakeClock } from './fake-clock.js';

const key = 'ee'.repeat(32);
const other = '11'.repeat(32);

/** A plugin's source that runs like this. */
function guard(run: unknown) {
  const clock = new FakeClock();
  const lines: { event: string; fields: Record<string, unknown> }[] = [];
  const line = (event: string, fields: Record<string, unknown> = {}) => lines.push({ event, fields });
  const log: Logger = { debug: line, info: line, warn: line, error: line };
  const pluginLog = new PluginLog({ source: 'mine' }, log, clock);
  const stop = new AbortController();
  const finds: FoundPeer[] = [];
  const found = (peer: FoundPeer) => void finds.push(peer);
  const context: DiscoveryContext = { self: { key: other, address: addressOf(other) }, signal: stop.signal, found };
  const source = new GuardedSource({ name: 'mine', run } as never, { name: 'mine', clock, log, pluginLog });
  return { clock, lines, finds, stop, run: () => source.run(context) };
}

const telling = (peer: unknown) => async (context: DiscoveryContext) => context.found(peer as FoundPeer);

describe('what a plugin tells', () => {
  it('is taken with the key in lower case, and for a day at most', async () => {
    const { finds, run } = guard(
      telling({ key: key.toUpperCase(), address: addressOf(key), expiresInMs: Number.POSITIVE_INFINITY }),
    );
    await run();
    expect(finds).toEqual([{ key, address: addressOf(key), expiresInMs: 86_400_000 }]);
  });

  it.each([
    ['nothing', undefined],
    ['no key', { expiresInMs: 1000 }],
    ['half a key', { key: key.slice(32), expiresInMs: 1000 }],
    ['the address of another key', { key, address: addressOf(other), expiresInMs: 1000 }],
    ['an address elsewhere', { key, address: '2001:db8::1', expiresInMs: 1000 }],
    ['no expiry', { key }],
    ['an expiry that is no number', { key, expiresInMs: Number.NaN }],
    ['an expiry in the past', { key, expiresInMs: -1 }],
  ])('is refused when it is %s, and the plugin is named', async (_, peer) => {
    const { finds, lines, run } = guard(telling(peer));
    await run();
    expect(finds).toEqual([]);
    const named = { source: 'mine', code: 'PLUGIN_MISBEHAVED', message: expect.stringContaining('mine told of a peer') };
    expect(lines).toMatchObject([{ event: 'discovery.find-refused', fields: named }]);
  });
});

describe('a plugin’s source', () => {
  it('without a function run is none', () => {
    expect(() => guard('away')).toThrow(expect.objectContaining({ code: 'PLUGIN_INVALID' }));
  });

  it('that throws rejects with what it threw', async () => {
    const { run } = guard(() => {
      throw new TypeError('at once');
    });
    await expect(run()).rejects.toThrow('at once');
  });

  it('that does not end is left alone two seconds after the abort, and named', async () => {
    const { clock, lines, stop, run } = guard(() => new Promise(() => {}));
    const life = run();
    stop.abort(new Error('over'));
    await clock.advance(2000);
    await life;
    expect(lines).toMatchObject([{ event: 'discovery.close-failed', fields: { source: 'mine', code: 'PLUGIN_MISBEHAVED' } }]);
  });

  it('that ends by rejecting after the abort has ended well', async () => {
    const { lines, stop, run } = guard(
      ({ signal }: DiscoveryContext) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const life = run();
    stop.abort(new Error('over'));
    await life;
    expect(lines).toEqual([]);
  });
});
