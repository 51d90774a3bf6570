import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/core/config.js';
import { systemRandom } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { locateServer } from '../../src/strategies/relay/turn-servers.js';
import { FakeClock } from './fake-clock.js';

const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-turn-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

function locate(entry: unknown, env: Record<string, string> = {}) {
  const [parsed] = parseConfig(JSON.stringify({ relay: { turn: [entry] } }), 'test.conf').relay.turn;
  if (!parsed) throw new Error('no entry');
  const net = {
    ...createSystemNet(),
    resolve: async (host: string) => (host === 'both.test' ? ['2001:db8::1', '192.0.2.1'] : [host]),
  };
  return locateServer(parsed, { net, clock: new FakeClock(), random: systemRandom }, new AbortController().signal, env);
}

describe('the secret of a TURN server', () => {
  it('stands in its URI before it is looked for elsewhere', async () => {
    const { credentials } = await locate('turn:u:here@192.0.2.1', { RATATOSKR_TURN_SECRET: 'there' });
    expect(credentials).toEqual({ username: 'u', password: 'here' });
  });

  it('is the first line of its file', async () => {
    const { credentials } = await locate({ uri: 'turn:u@192.0.2.1', secretFile: file('secret', 'filed\nnot this\n') });
    expect(credentials.password).toBe('filed');
  });

  it('is else in the environment', async () => {
    expect((await locate('turn:u@192.0.2.1', { RATATOSKR_TURN_SECRET: 'there' })).credentials.password).toBe('there');
  });

  it.each([
    ['nowhere', 'turn:u@192.0.2.1'],
    ['in a file that is not there', { uri: 'turn:u@192.0.2.1', secretFile: join(folder, 'none') }],
    ['in an empty file', { uri: 'turn:u@192.0.2.1', secretFile: file('empty', '\n') }],
  ])('that is %s is told with the server’s name', async (_, entry) => {
    const message = expect.stringContaining('192.0.2.1:3478');
    await expect(locate(entry)).rejects.toMatchObject({ code: 'TURN_SECRET_MISSING', message });
  });

  it('that is shared gives a name with a time limit of a day', async () => {
    const { credentials } = await locate({ uri: 'turn:u:north@192.0.2.1', auth: 'shared-secret' });
    expect(credentials.username).toBe('86400:u');
  });
});

it('a server is met at its IPv4 address where it has one', async () => {
  expect((await locate('turn:u:s@both.test:99')).endpoint).toEqual({ address: '192.0.2.1', port: 99 });
});

it.each([
  ['turn:u:s@192.0.2.1?transport=udp', 'udp'],
  ['turn:u:s@192.0.2.1', 'tcp'],
  ['turns:u:s@192.0.2.1', 'tls'],
])('%s is met over %s', async (uri, transport) => {
  expect((await locate(uri)).transport).toBe(transport);
});

it('certificates that cannot be read are told as such', async () => {
  const entry = { uri: 'turns:u:s@192.0.2.1', ca: join(folder, 'none.pem') };
  await expect(locate(entry)).rejects.toMatchObject({ code: 'TURN_CERTIFICATE' });
});
