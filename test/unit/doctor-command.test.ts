import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Diagnosis, type DoctorRequest, diagnosisSchema } from '../../src/cli/doctor.js';
import { progressLine } from '../../src/cli/progress.js';
import { ok, problem, unchecked } from '../../src/doctor/finding.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));
const key = 'ab'.repeat(32);
const file = path.join(folder, 'test.conf');
writeFileSync(
  file,
  JSON.stringify({
    runtimeDir: folder,
    allow: [key, '200:1234:5678::1'],
    relay: { turn: ['turn:alice-user:hush-hush@turn.private.example:3478'] },
    discovery: ['sessions', { use: 'ratatoskr-discovery-x', options: { word: 'hush-hush', size: 3 } }],
  }),
);

const sound: Diagnosis = {
  schemaVersion: 1,
  version: '1.2.3',
  agentRunning: false,
  findings: [ok('router', 'It runs.'), unchecked('clock', 'Nobody to compare with.')],
  strategies: [{ strategy: 'relay', usable: 'unknown', code: null, message: 'Perhaps.', help: 'Name one.' }],
};
const sick: Diagnosis = { ...sound, findings: [problem('nat', 'NAT_RANDOM_PORTS', 'Random.'), ...sound.findings] };

async function ratatoskr(args: readonly string[], diagnosis = sound) {
  const requests: DoctorRequest[] = [];
  const told = await runCommand(args, {
    examine: async (request) => {
      requests.push(request);
      return diagnosis;
    },
  });
  return { ...told, requests };
}

describe('ratatoskr doctor', () => {
  test('ends with 0 when no problem was found; what was not checked is none', async () => {
    const { code, out } = await ratatoskr(['doctor', '--config', file]);
    expect(code).toBe(0);
    expect(out).toContain('✓ router           It runs.\n? clock            Nobody to compare with.\n');
    expect(out).toContain('relay                perhaps  Perhaps.\n    → Name one.\n');
    expect(out).toContain('No problem was found.');
  });

  test('ends with 1 when there are problems, and shows each with its code and what to do', async () => {
    const { code, out } = await ratatoskr(['doctor', '--config', file], sick);
    expect(code).toBe(1);
    expect(out).toMatch(/✗ nat {14}Random\. \(NAT_RANDOM_PORTS\)\n {4}→ Enable PCP/);
  });

  test.each([
    ['could not be loaded', [{ strategy: 'x', usable: 'no', code: 'PLUGIN_NOT_FOUND', message: null, help: null }]],
    ['can be used', [{ strategy: 'x', usable: 'no', code: null, message: null, help: null }]],
  ] satisfies [string, Diagnosis['strategies']][])('ends with 1 when a strategy, or none, %s', async (_, strategies) => {
    expect((await ratatoskr(['doctor', '--config', file], { ...sound, strategies })).code).toBe(1);
  });

  test('prints JSON of its schema', async () => {
    const { out } = await ratatoskr(['doctor', '--config', file, '--json'], sick);
    expect(diagnosisSchema.parse(JSON.parse(out))).toEqual(sick);
  });

  test('hands on the configuration, its folder and the peer to try', async () => {
    const { requests } = await ratatoskr(['doctor', '--config', file, '--admin', 'unix:///x', '--peer', '200::1']);
    expect(requests).toMatchObject([{ folder, peer: '200::1', config: { admin: 'unix:///x', runtimeDir: folder } }]);
  });

  test('ends with 3 when the configuration is wrong', async () => {
    expect((await ratatoskr(['doctor', '--config', path.join(folder, 'none')])).code).toBe(3);
  });
});

describe('progress', () => {
  test('is one line of a terminal, and gone in the end', () => {
    const written: string[] = [];
    const tell = progressLine({ isTTY: true, write: (text) => written.push(text) });
    tell(['router', 'gateway']);
    tell([]);
    expect(written).toEqual(['\r\u001b[2Klooking at router, gateway …', '\r\u001b[2K']);
  });

  test('is nothing elsewhere', () => {
    const written: string[] = [];
    progressLine({ write: (text) => written.push(text) })(['router']);
    expect(written).toEqual([]);
  });
});

describe('ratatoskr bugreport', () => {
  test('works without an agent, and tells no secret, key, address or name of a server of one’s own', async () => {
    const diagnosis = {
      ...sound,
      findings: [ok('overlay', `200:1234:5678::1 is on ygg0, of ${key}; 203.0.113.9 and 192.168.1.1.`)],
    };
    const { out, code } = await ratatoskr(['bugreport', '--config', file], diagnosis);
    expect(code).toBe(0);
    const secrets = ['hush-hush', 'alice-user', 'turn.private.example', '200:1234:5678::1', key, key.slice(0, 12), '203.0.113.9'];
    expect(secrets.filter((secret) => out.includes(secret))).toEqual([]);
    expect(out).toContain('AGENT_UNREACHABLE');
    expect(out).toContain('"size": 3');
    expect(out).toContain('192.168.1.1');
  });

  test('names a peer the same throughout', async () => {
    const diagnosis = { ...sound, findings: [ok('overlay', 'First 200:1234:5678::1.'), ok('peer', 'Then 200:1234:5678:0::1.')] };
    const { out } = await ratatoskr(['bugreport', '--config', file], diagnosis);
    const [, first] = /First (\S+)\./.exec(out) ?? [];
    expect(first).toMatch(/^node-\d$/);
    expect(out).toContain(`Then ${first}.`);
  });

  test('writes a file for this user alone', async () => {
    const output = path.join(folder, 'report.md');
    const { out } = await ratatoskr(['bugreport', '--config', file, '--output', output]);
    expect(out).toContain('Read it before you send it.');
    expect(readFileSync(output, 'utf8')).toContain('# Bug report of ratatoskr');
    expect(statSync(output).mode & 0o777).toBe(0o600);
  });
});
