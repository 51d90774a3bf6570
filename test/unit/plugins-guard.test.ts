import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { asStrategyError, StrategyError } from '../../src/core/errors.js';
import type { Logger } from '../../src/core/logger.js';
import { GuardedStrategy } from '../../src/core/plugins/guarded-strategy.js';
import { PluginLog } from '../../src/core/plugins/plugin-log.js';
import { type AttemptContext, asPath, type Strategy } from '../../src/core/strategy.js';
import { FakeClock } from './fake-clock.js';

/** A strategy of a plugin, sound but for what is given. */
function guard(broken: Record<string, unknown>) {
  const clock = new FakeClock();
  const lines: { level: string; event: string; fields: Record<string, unknown> }[] = [];
  const line =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) =>
      lines.push({ level, event, fields });
  const log: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const pluginLog = new PluginLog({ strategy: 'mine' }, log, clock);
  const inner = { name: 'mine', attempt: async () => sound(), ...broken } as unknown as Strategy;
  return { clock, lines, pluginLog, strategy: new GuardedStrategy(inner, { name: 'mine', clock, log, pluginLog }) };
}

const sound = () => asPath(new PassThrough(), { kind: 'direct', local: 'a:1', remote: 'b:2' });
const context = {} as AttemptContext;
const never = () => new Promise(() => {});
const probing = { signal: new AbortController().signal };

describe('an attempt of a plugin', () => {
  it('that is sound hands its path on', async () => {
    const path = sound();
    expect(await guard({ attempt: async () => path }).strategy.attempt(context)).toBe(path);
  });

  it.each([
    ['nothing', undefined],
    ['a number', 42],
    ['an object with info and no stream', { info: { kind: 'direct', local: '', remote: '' } }],
    ['a stream without info', new PassThrough()],
    [
      'a stream of a kind that does not exist',
      Object.assign(new PassThrough(), { info: { kind: 'teleport', local: '', remote: '' } }),
    ],
    ['a stream that does not say where it leads', Object.assign(new PassThrough(), { info: { kind: 'direct' } })],
  ])('that comes up with %s has failed by its own fault', async (_what, garbage) => {
    await expect(guard({ attempt: async () => garbage }).strategy.attempt(context)).rejects.toMatchObject({
      code: 'PLUGIN_MISBEHAVED',
      message: expect.stringContaining('mine'),
    });
  });

  it('that comes up with a stream that is no path leaves none open', async () => {
    const stream = new PassThrough();
    await expect(guard({ attempt: async () => stream }).strategy.attempt(context)).rejects.toThrow();
    expect(stream.destroyed).toBe(true);
  });

  it('that throws at once rejects', async () => {
    const attempt = () => {
      throw new TypeError('at once');
    };
    await expect(guard({ attempt }).strategy.attempt(context)).rejects.toThrow('at once');
  });

  it('whose path breaks with nobody listening ends nothing', async () => {
    const path = await guard({}).strategy.attempt(context);
    expect(() => path.emit('error', new Error('broken'))).not.toThrow();
  });
});

describe('a probe of a plugin', () => {
  it('is unknown when the plugin has none', async () => {
    expect(await guard({}).strategy.probe(probing)).toEqual({ usable: 'unknown' });
  });

  it.each([['yes'], [{ usable: true }], [{ usable: 'perhaps' }], [{ usable: 'no', reason: 7 }]])(
    'that answers %j has failed by its own fault',
    async (answer) => {
      const { strategy } = guard({ probe: async () => answer });
      await expect(strategy.probe(probing)).rejects.toMatchObject({ code: 'PLUGIN_MISBEHAVED' });
    },
  );

  it('that hangs is given up, and told so', async () => {
    let told: AbortSignal | undefined;
    const { strategy, clock } = guard({
      probe: ({ signal }: { signal: AbortSignal }) => {
        told = signal;
        return never();
      },
    });
    const probe = expect(strategy.probe(probing)).rejects.toMatchObject({ code: 'PLUGIN_MISBEHAVED' });
    await clock.advance(10_000);
    await probe;
    expect(told?.aborted).toBe(true);
  });

  it('that throws at once rejects', async () => {
    const probe = () => {
      throw new TypeError('at once');
    };
    await expect(guard({ probe }).strategy.probe(probing)).rejects.toThrow('at once');
  });
});

describe('the end of a plugin', () => {
  it.each([
    [
      'throws at once',
      () => {
        throw new Error('stuck');
      },
    ],
    ['rejects', () => Promise.reject(new Error('stuck'))],
  ])('that %s is logged with its name and holds nothing up', async (_how, close) => {
    const { strategy, lines } = guard({ close });
    await strategy.close();
    expect(lines).toEqual([
      { level: 'error', event: 'strategy.close-failed', fields: { strategy: 'mine', code: 'Error', message: 'stuck' } },
    ]);
  });

  it('that hangs is given up within what a stopping agent has', async () => {
    const { strategy, clock, lines } = guard({ close: never });
    const closed = strategy.close();
    await clock.advance(2000);
    await closed;
    expect(lines).toMatchObject([{ event: 'strategy.close-failed', fields: { code: 'PLUGIN_MISBEHAVED' } }]);
    expect(clock.pending).toBe(0);
  });

  it('is asked for once', async () => {
    let closes = 0;
    const { strategy } = guard({ close: async () => void closes++ });
    await Promise.all([strategy.close(), strategy.close()]);
    expect(closes).toBe(1);
  });
});

it('a start that hangs is given up', async () => {
  const { strategy, clock } = guard({ start: never });
  const started = expect(strategy.start()).rejects.toMatchObject({ code: 'PLUGIN_MISBEHAVED' });
  await clock.advance(30_000);
  await started;
});

describe('the log of a plugin', () => {
  it('says whose each line is', () => {
    const { pluginLog, lines } = guard({});
    pluginLog.info('mapping.made', { port: 7, strategy: 'another' });
    expect(lines).toEqual([{ level: 'info', event: 'mapping.made', fields: { port: 7, strategy: 'mine' } }]);
  });

  it('takes twenty lines a second, and says in one how many were dropped', async () => {
    const { pluginLog, lines, clock } = guard({});
    for (let count = 0; count < 1000; count++) pluginLog.debug('flood');
    expect(lines).toHaveLength(20);
    await clock.advance(1000);
    expect(lines.slice(20)).toEqual([{ level: 'warn', event: 'plugin.log-flooded', fields: { strategy: 'mine', dropped: 980 } }]);
    pluginLog.debug('again');
    expect(lines.at(-1)).toMatchObject({ event: 'again' });
    expect(clock.pending).toBe(0);
  });

  it('tells of what was dropped when it is closed early, and leaves no timer', async () => {
    const { pluginLog, strategy, lines, clock } = guard({});
    for (let count = 0; count < 21; count++) pluginLog.debug('flood');
    await strategy.close();
    expect(lines.at(-1)).toMatchObject({ event: 'plugin.log-flooded', fields: { dropped: 1 } });
    expect(clock.pending).toBe(0);
  });

  it.each([
    [
      'a circle',
      (() => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      })(),
    ],
    [
      'a getter that throws',
      {
        get field() {
          throw new Error('not today');
        },
      },
    ],
    ['far too much', { text: 'x'.repeat(100_000) }],
  ])('replaces fields with %s', (_what, fields) => {
    const { pluginLog, lines } = guard({});
    pluginLog.warn('odd', fields);
    expect(Object.keys(lines[0]?.fields ?? {})).toEqual(['unwritable', 'strategy']);
  });
});

describe('what a strategy throws', () => {
  it('is known by name and code when it is a StrategyError of another copy of the package', () => {
    const foreign = Object.assign(new Error('none there'), {
      name: 'StrategyError',
      code: 'GATEWAY_MISSING',
      help: 'Look for it.',
    });
    const error = asStrategyError(foreign, 'mine');
    expect(error).toBeInstanceOf(StrategyError);
    expect(error).toMatchObject({ code: 'GATEWAY_MISSING', message: 'none there', help: 'Look for it.' });
  });

  it.each([
    ['has a code that nobody knows', Object.assign(new Error('odd'), { name: 'StrategyError', code: 'MADE_UP' })],
    ['only has such a code', Object.assign(new Error('odd'), { code: 'GATEWAY_MISSING' })],
    ['is no error', 'odd'],
    ['cannot be made a string', Object.create(null)],
    ['is nothing', undefined],
  ])('is a failure of the strategy when it %s', (_what, thrown) => {
    expect(asStrategyError(thrown, 'mine')).toMatchObject({ code: 'STRATEGY_FAILED', message: expect.stringContaining('mine') });
  });
});
