import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/cli/control-client.js';
import { createControlApp } from '../../src/control/control-app.js';
import { type ControlServer, openControl } from '../../src/control/control-server.js';
import { RecentEvents } from '../../src/control/recent-events.js';
import {
  changeSchema,
  explanationSchema,
  pingSchema,
  problemSchema,
  recentEventsSchema,
  statusSchema,
  trialSchema,
} from '../../src/control/schemas.js';
import { StatusBook } from '../../src/control/status-book.js';
import { SignallingError } from '../../src/core/errors.js';
import type { AgentEvent, PeerRef } from '../../src/core/events.js';
import { quietObservation } from './observation.js';

const stranger = { key: '2'.repeat(64), address: '200:bbbb::2' };
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
  const done: string[] = [];
  const named = new Set<string>();
  const changes = {
    bridge: async ({ key }: PeerRef) => {
      named.add(key);
      done.push(`bridge ${key}`);
    },
    unbridge: async ({ key }: PeerRef) => void done.push(`unbridge ${key}`),
    letGo: ({ key }: PeerRef) => {
      named.delete(key);
      done.push(`let go ${key}`);
    },
    isNamed: ({ key }: PeerRef) => named.has(key),
    locate: async (text: string) => (text === stranger.key ? stranger : undefined),
    mayChange: () => true,
  };
  return { book, recent, ping, subscribe, publish, listeners, changes, done, named, observation: quietObservation() };
}

async function open(given = options()) {
  const runtimeDir = folder();
  const server: ControlServer = await openControl(runtimeDir, createControlApp(given));
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

  it('tells what happened last, for reports', async () => {
    const { client, publish } = await open();
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    expect((await client.get('/v1/events/recent', recentEventsSchema)).events).toMatchObject([{ event: 'session.seen', peer }]);
  });

  it('lets its owner change something over the socket', async () => {
    const { client, done } = await open();
    expect(await client.post(`/v1/peers/${stranger.key}/bridge`, changeSchema)).toMatchObject(stranger);
    expect(done).toEqual([`bridge ${stranger.key}`]);
  });

  it('follows one that a killed agent left behind, and goes with its agent', async () => {
    const given = options();
    const runtimeDir = folder();
    writeFileSync(path.join(runtimeDir, 'control.sock'), 'left behind');
    const server = await openControl(runtimeDir, createControlApp(given));
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

describe('who asks for a change', () => {
  const app = (given = options()) => {
    const made = createControlApp(given);
    cleanUp.push(() => made.close());
    return { ...given, post: (url: string) => made.inject({ method: 'POST', url }) };
  };
  const up = {
    event: 'bridge.up',
    agent: 'a',
    time: 0,
    peer,
    attempt: 'x',
    strategy: 's',
    kind: 'direct',
    local: 'l',
    remote: 'r',
  } as const;
  const bridged = { ...up, hidden: true, rttMs: 1, overlayRttMs: 9, sinceSessionMs: 0 };
  const exhausted = {
    event: 'ladder.exhausted',
    agent: 'a',
    time: 0,
    peer,
    failures: [{ strategy: 's', code: 'PUNCH_TIMEOUT', message: 'No answer.', help: 'Wait.' }],
    retryInMs: 1,
  } as const;

  it.each(['bridge', 'unbridge'])('has a peer that is known by its key alone %sd', async (verb) => {
    const { post, done } = app();
    const answer = await post(`/v1/peers/${stranger.key}/${verb}`);
    expect(answer.json()).toEqual({ schemaVersion: 1, ...stranger });
    expect(done).toEqual([`${verb} ${stranger.key}`]);
  });

  it('is told that the key of an address is not known', async () => {
    const answer = await app().post('/v1/peers/200::9/bridge');
    expect([answer.statusCode, problemSchema.parse(answer.json()).error.code]).toEqual([404, 'PEER_UNKNOWN']);
  });

  it.each(['bridge', 'unbridge', 'trial'])('is refused a %s unless it is the owner or root', async (verb) => {
    const given = options();
    const { post, done } = app({ ...given, changes: { ...given.changes, mayChange: () => false } });
    const answer = await post(`/v1/peers/${stranger.key}/${verb}`);
    expect([answer.statusCode, problemSchema.parse(answer.json()).error.code]).toEqual([403, 'CONTROL_FORBIDDEN']);
    expect(done).toEqual([]);
  });

  it('may try a peer, hears of the bridge, and leaves it to its traffic again', async () => {
    const { post, publish, listeners, done } = app();
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    const trial = post(`/v1/peers/${peer.key}/trial`);
    await expect.poll(() => listeners.size).toBe(1);
    publish(bridged);
    expect(trialSchema.parse((await trial).json())).toMatchObject({ bridge: { strategy: 's' }, failure: null });
    expect(done).toEqual([`bridge ${peer.key}`, `let go ${peer.key}`]);
    expect(listeners.size).toBe(0);
  });

  it('hears why a trial came to nothing, and not of other peers', async () => {
    const { post, publish, listeners } = app();
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    const trial = post(`/v1/peers/${peer.key}/trial`);
    await expect.poll(() => listeners.size).toBe(1);
    publish({ ...bridged, peer: stranger });
    publish(exhausted);
    const failure = {
      code: 'STRATEGIES_EXHAUSTED',
      message: expect.stringContaining('s: No answer. (PUNCH_TIMEOUT)') as string,
      help: 'Wait.',
    };
    expect(trialSchema.parse((await trial).json())).toMatchObject({ bridge: null, failure });
  });

  it('does not undo what the operator has asked for, nor a bridge that is there', async () => {
    const { post, publish, named, done } = app();
    publish({ event: 'session.seen', agent: 'a', time: 0, peer });
    publish(bridged);
    named.add(peer.key);
    expect((await post(`/v1/peers/${peer.key}/trial`)).json()).toMatchObject({ bridge: { strategy: 's' } });
    expect(done).toEqual([]);
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
    const app = createControlApp(options());
    cleanUp.push(() => app.close());
    const routes: string[] = [];
    const { paths } = (await app.inject('/v1/openapi.json')).json<{ paths: Record<string, object> }>();
    for (const route of Object.keys(paths)) {
      const url = route.replace(/\{(\w+)\}/g, ':$1');
      const methods = Object.keys(paths[route] ?? {}).map((method) => method.toUpperCase() as 'GET' | 'POST');
      if (methods.every((method) => app.hasRoute({ method, url }))) routes.push(route);
    }
    expect(routes).toEqual(Object.keys(paths));
    expect(routes).toHaveLength(14);
  });
});
