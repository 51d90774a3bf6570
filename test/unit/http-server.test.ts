import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RecentEvents } from '../../src/control/recent-events.js';
import { statusSchema } from '../../src/control/schemas.js';
import { StatusBook } from '../../src/control/status-book.js';
import type { AgentEvent } from '../../src/core/events.js';
import { openHttp } from '../../src/http/http-server.js';
import { quietObservation } from './observation.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'ratatoskr-http-'));
  cleanUp.push(() => rmSync(made, { recursive: true }));
  return made;
}

async function open(port = 0, runtimeDir = folder()) {
  const listeners = new Set<(event: AgentEvent) => void>();
  const control = {
    book: new StatusBook({ version: '1.2.3', pid: 77, startedAt: 0 }),
    subscribe: (listener: (event: AgentEvent) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ping: async () => 1,
    recent: new RecentEvents(),
    observation: quietObservation(),
  };
  const server = await openHttp({ listen: { host: '127.0.0.1', port }, names: [], runtimeDir, control });
  cleanUp.push(() => server.close());
  return { server, runtimeDir, listeners, ask: (route: string, init?: RequestInit) => fetch(new URL(route, server.url), init) };
}

describe('the HTTP server', () => {
  it('answers the questions of the control API', async () => {
    const { ask } = await open();
    expect(statusSchema.parse(await (await ask('/v1/status')).json()).agent.pid).toBe(77);
    expect(await (await ask('/metrics')).text()).toContain('ratatoskr_build_info');
  });

  it('serves a page that may load nothing from elsewhere and be embedded nowhere', async () => {
    const { ask } = await open();
    const page = await ask('/');
    expect(await page.text()).toMatch(/<title>/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
  });

  it.each(['/', '/v1/status', '/nothing', '/v1/peers/x'])('has its security headers at %s', async (route) => {
    const { headers } = await (await open()).ask(route);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('refuses a foreign Origin with a code and a next step', async () => {
    const answer = await (await open()).ask('/v1/status', { headers: { origin: 'https://evil.example' } });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'HTTP_ORIGIN_REFUSED', help: expect.any(String) as string } });
  });

  it('lets nothing be changed without the token, which its owner alone can read', async () => {
    const { ask, runtimeDir } = await open();
    const file = path.join(runtimeDir, 'http.token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`;
    expect((await ask('/v1/status', { method: 'POST' })).status).toBe(401);
    // There is nothing to change at this place, but that is for those to know who may.
    expect((await ask('/v1/status', { method: 'POST', headers: { authorization } })).status).toBe(404);
  });

  it('streams events to a browser until it has gone', async () => {
    const { ask, listeners } = await open();
    const gone = new AbortController();
    const answer = await ask('/v1/events', { headers: { accept: 'text/event-stream' }, signal: gone.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('content-security-policy')).not.toBeNull();
    const event: AgentEvent = { event: 'session.seen', agent: 'a', time: 0, peer: { key: '1', address: '200::1' } };
    for (const listener of listeners) listener(event);
    const { value } = (await answer.body?.getReader().read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(`data: ${JSON.stringify(event)}\n\n`);
    gone.abort();
    await expect.poll(() => listeners.size).toBe(0);
  });

  it('takes its token away when it ends', async () => {
    const { server, runtimeDir } = await open();
    await server.close();
    expect(readdirSync(runtimeDir)).toEqual([]);
  });

  it('says so when something else has the port, and leaves no token', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => other.close());
    const runtimeDir = folder();
    await expect(open((other.address() as AddressInfo).port, runtimeDir)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(readdirSync(runtimeDir)).toEqual([]);
  });
});
