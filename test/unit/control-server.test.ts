import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/cli/control-client.js';
import { type ControlServer, createControlApp, openControl } from '../../src/control/control-server.js';
import { RecentEvents } from '../../src/control/recent-events.js';
import { explanationSchema, pingSchema, problemSchema, statusSchema } from '../../src/control/schemas.js';
import { StatusBook } from '../../src/control/status-book.js';
import { SignallingError } from '../../src/core/errors.js';
import type { AgentEvent } from '../../src/core/events.js';
import { quietObservation } from './observation.js';

const peer = { key: '1'.repeat(64), address: '200:aaaa::1' };
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'ratatoskr-control-'));
  cleanUp.push(() => rmSync(made, { recursive: true }));
  return made;
}

function options(ping: () => Promise<number> = async () => 12.5) {
  const book = new StatusBook({ version: '1.2.3', pid: 77, startedAt: 0 });
  const recent = new RecentEvents();
  const listeners = new Set<(event: AgentEvent) => void>();
  const publish = (event: AgentEvent) => {
    book.read(event);
    recent.read(event);
    for (const listener of listeners) listener(event);
  };
  const subscribe = (listener: (event: AgentEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return { book, recent, ping, subscribe, publish, listeners, observation: quietObservation() };
}

async function open(given = options()) {
  const runtimeDir = folder();
  const server: ControlServer = await openControl(runtimeDir, given);
  cleanUp.push(() => server.close());
  return { ...given, runtimeDir, server, client: new ControlClient(runtimeDir) };
}

describe('the control socket', () => {
  it('answers with the status, to its owner alone', async () => {
    const { client, runtimeDir } = await open();
    expect((await client.get('/v1/status', statusSchema)).agent.version).toBe('1.2.3');
    expect(statSync(path.join(runtimeDir, 'control.sock')).mode & 0o777).toBe(0o600);
  });

  it('explains a peer by its address, and times the way to it', async () => {
    const { client, publish } = await open();
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    expect((await client.get(`/v1/peers/${peer.address}`, explanationSchema)).peer.key).toBe(peer.key);
    expect(await client.get(`/v1/peers/${peer.key}/ping`, pingSchema)).toMatchObject({ rttMs: 12.5, bridge: null });
  });

  it('says that it does not know a peer, and what to do', async () => {
    const { client } = await open();
    await expect(client.get('/v1/peers/200::9', explanationSchema)).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringContaining('PEER_UNKNOWN') as string,
      help: expect.stringContaining('ping') as string,
    });
  });

  it('passes on why a peer cannot be met', async () => {
    const { client, publish } = await open(
      options(async () => {
        throw new SignallingError('SIGNALLING_UNREACHABLE', 'Nobody there.');
      }),
    );
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    await expect(client.get(`/v1/peers/${peer.key}/ping`, pingSchema)).rejects.toThrow('Nobody there. (SIGNALLING_UNREACHABLE)');
  });

  it('streams events until the reader has gone', async () => {
    const { client, publish, listeners } = await open();
    const events = client.stream('/v1/events');
    const first = events.next();
    await expect.poll(() => listeners.size).toBe(1);
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    expect(JSON.parse(String((await first).value))).toMatchObject({ event: 'session.seen', peer });
    await events.return();
    await expect.poll(() => listeners.size).toBe(0);
  });

  it('follows one that a killed agent left behind, and goes with its agent', async () => {
    const given = options();
    const runtimeDir = folder();
    writeFileSync(path.join(runtimeDir, 'control.sock'), 'left behind');
    const server = await openControl(runtimeDir, given);
    const reading = expect(new ControlClient(runtimeDir).stream('/v1/events').next()).rejects.toThrow('The agent has ended.');
    await expect.poll(() => given.listeners.size).toBe(1);
    await server.close();
    await reading;
    expect(readdirSync(runtimeDir)).toEqual([]);
    expect(given.listeners.size).toBe(0);
  });

  it('is missed with the name of the place where it was looked for', async () => {
    await expect(new ControlClient(folder()).get('/v1/status', statusSchema)).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
    });
  });
});

describe('a request', () => {
  it.each([
    ['GET', '/v2/status'],
    ['POST', '/v1/status'],
    ['DELETE', '/v1/peers/x'],
  ] as const)('%s %s is refused', async (method, url) => {
    const app = createControlApp(options());
    cleanUp.push(() => app.close());
    const answer = await app.inject({ method, url });
    expect(answer.statusCode).toBe(404);
    expect(problemSchema.parse(answer.json()).error.code).toBe('CONTROL_UNKNOWN');
  });

  it('for the description of the interface names every route', async () => {
    const unused = async () => {};
    const changes = { bridge: unused, unbridge: unused, letGo: () => {}, isNamed: () => false, locate: async () => undefined };
    const app = createControlApp({ ...options(), changes: { ...changes, mayChange: () => false } });
    cleanUp.push(() => app.close());
    const { paths } = (await app.inject('/v1/openapi.json')).json<{ paths: Record<string, object> }>();
    const described = Object.entries(paths).flatMap(([route, operations]) =>
      Object.keys(operations).map((method) => ({ method: method.toUpperCase(), url: route.replace(/\{(\w+)\}/g, ':$1') })),
    );
    expect(described.filter(({ method, url }) => !app.hasRoute({ method: method as 'GET', url }))).toEqual([]);
    expect(described).toHaveLength(14);
  });
});
