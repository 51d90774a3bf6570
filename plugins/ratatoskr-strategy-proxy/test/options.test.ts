import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { optionsSchema } from '../src/options.js';
import { readCredentials } from '../src/secret.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-proxy-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the option proxy', () => {
  test.each([
    ['socks5://proxy.example', { protocol: 'socks5', host: 'proxy.example', port: 1080 }],
    ['socks5://ann%20b@192.0.2.1:9050', { protocol: 'socks5', host: '192.0.2.1', port: 9050, user: 'ann b' }],
    ['http://proxy.example/', { protocol: 'http', host: 'proxy.example', port: 80 }],
    ['http://[2001:db8::1]:3128', { protocol: 'http', host: '2001:db8::1', port: 3128 }],
  ])('takes %s', (proxy, expected) => {
    expect(optionsSchema.parse({ proxy }).proxy).toEqual(expected);
  });

  test.each([
    ['proxy.example:1080', 'begins with neither'],
    ['nonsense', 'no URI'],
    ['https://proxy.example', 'begins with neither'],
    ['socks5://', 'more or less than'],
    ['http://proxy.example/path', 'more or less than'],
    ['http://a%3Ab@proxy.example', 'a user that no proxy takes'],
    ['http://%E0@proxy.example', 'a user that no proxy takes'],
  ])('refuses %s', (proxy, complaint) => {
    expect(optionsSchema.safeParse({ proxy }).error?.issues[0]?.message).toContain(complaint);
  });

  test('refuses a password, and does not repeat it', () => {
    const { error } = optionsSchema.safeParse({ proxy: 'socks5://ann:s3cret@proxy.example' });
    expect(error?.issues[0]?.message).toContain('secretFile');
    expect(JSON.stringify(error)).not.toContain('s3cret');
  });
});

describe('the option listen', () => {
  test.each([{ port: 443 }, { port: 1024 }, { port: 65_535, addresses: ['20.0.1.2', '2a00::1'] }])('takes %j', (listen) => {
    expect(optionsSchema.safeParse({ listen }).success).toBe(true);
  });

  test.each([{ port: 80 }, { port: 65_536 }, { port: 4704, addresses: ['192.168.1.2'] }, { port: 4704, addresses: [] }])(
    'refuses %j',
    (listen) => {
      expect(optionsSchema.safeParse({ listen }).success).toBe(false);
    },
  );
});

describe('the password', () => {
  const proxy = { protocol: 'http', host: 'proxy.example', port: 80, user: 'ann' } as const;

  test('is the first line of secretFile', async () => {
    const secretFile = path.join(folder, 'secret');
    writeFileSync(secretFile, 's3cret\nmore\n');
    expect(await readCredentials({ proxy, secretFile }, {})).toEqual({ user: 'ann', password: 's3cret' });
  });

  test('comes from the environment otherwise', async () => {
    expect(await readCredentials({ proxy }, { RATATOSKR_PROXY_SECRET: 's3cret' })).toEqual({ user: 'ann', password: 's3cret' });
  });

  test('is not asked for without a user', async () => {
    expect(await readCredentials({ proxy: { protocol: 'http', host: 'proxy.example', port: 80 } }, {})).toBeUndefined();
  });

  test.each([
    ['is missing', { proxy }, {}],
    ['is in a file that is missing', { proxy, secretFile: path.join(folder, 'none') }, {}],
    ['is longer than a byte counts', { proxy }, { RATATOSKR_PROXY_SECRET: 'x'.repeat(256) }],
  ])('that %s is a StrategyError with a next step', async (_what, options, env) => {
    await expect(readCredentials(options, env)).rejects.toMatchObject({
      name: 'StrategyError',
      code: 'STRATEGY_NO_PATH',
      help: expect.any(String),
    });
  });
});
