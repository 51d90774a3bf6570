import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { Call, WorkerData } from '../src/messages.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** @returns where a gateway on loopback describes itself */
async function listen(handler: http.RequestListener): Promise<URL> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/root.xml`);
}

/** What the worker answers, as it is published, when that gateway is the default one. */
async function ask(location: URL, request: Call): Promise<unknown> {
  const workerData: WorkerData = { gateway: '127.0.0.1', own: '127.0.0.1', location: location.href };
  const worker = new Worker(new URL('../dist/worker.cjs', import.meta.url), { workerData, stderr: true });
  try {
    expect(await once(worker, 'message')).toEqual([{ ready: true }]);
    worker.postMessage({ id: 1, request });
    const [{ value, error }] = (await once(worker, 'message')) as [{ value?: unknown; error?: string }];
    if (error !== undefined) throw new Error(error);
    return value;
  } finally {
    await worker.terminate();
  }
}

/** What miniupnpd 2.3.1 said: a description, or its reply to an action. */
function recorded(name: string): string {
  return readFileSync(new URL(`miniupnpd/${name}.xml`, import.meta.url), 'utf8');
}

const mapping = { transport: 'tcp', externalPort: 4702 } as const;

describe('a gateway with miniupnpd', () => {
  /** What it was asked to do. */
  const asked: string[] = [];
  const answering =
    (version: 1 | 2): http.RequestListener =>
    async (request, response) => {
      if (request.method !== 'POST') return response.end(recorded(`description-${version}`));
      const [, action = ''] = /#(.*)"$/.exec(String(request.headers.soapaction)) ?? [];
      asked.push(/<u:.*<\/u:\w+>/.exec(await text(request))?.[0] ?? '');
      return response.end(recorded(action).replaceAll('WANIPConnection:2', `WANIPConnection:${version}`));
    };
  const service = 'urn:schemas-upnp-org:service:WANIPConnection';
  const key = '<NewRemoteHost></NewRemoteHost><NewExternalPort>4702</NewExternalPort><NewProtocol>TCP</NewProtocol>';
  const wanted =
    '<NewInternalPort>4703</NewInternalPort><NewInternalClient>127.0.0.1</NewInternalClient><NewEnabled>1</NewEnabled>' +
    '<NewPortMappingDescription>ratatoskr</NewPortMappingDescription><NewLeaseDuration>3600</NewLeaseDuration>';
  const map = { name: 'map', ...mapping, internalPort: 4703, lifetimeSeconds: 3600, description: 'ratatoskr' } as const;

  describe.each([1, 2] as const)('and a description of version %i', (version) => {
    it.each<[action: string, Call, values: string, answer: unknown]>([
      ['GetExternalIPAddress', { name: 'externalAddress' }, '', '20.0.1.1'],
      ['AddPortMapping', map, key + wanted, undefined],
      [
        'GetSpecificPortMappingEntry',
        { name: 'entry', ...mapping },
        key,
        { host: '192.168.1.2', port: 4702, leaseSeconds: 3600 },
      ],
      ['DeletePortMapping', { name: 'unmap', ...mapping }, key, undefined],
    ])('is asked by %s, and understood', async (action, call, values, answer) => {
      asked.length = 0;
      expect(await ask(await listen(answering(version)), call)).toEqual(answer);
      expect(asked).toEqual([`<u:${action} xmlns:u="${service}:${version}">${values}</u:${action}>`]);
    });
  });

  it('says that it has no such mapping', async () => {
    const url = await listen((request, response) => {
      if (request.method === 'POST') response.writeHead(500).end(recorded('no-such-entry'));
      else response.end(recorded('description-2'));
    });
    expect(await ask(url, { name: 'entry', ...mapping })).toBeUndefined();
  });
});

describe('a gateway', () => {
  const externalAddress = { name: 'externalAddress' } as const;
  /** A description of a gateway that takes actions at `control`. */
  const description = (control: string) => recorded('description-2').replace('/ctl/IPConn', control);

  it('cannot send us to another host by its description', async () => {
    let reached = false;
    const elsewhere = await listen((_request, response) => {
      reached = true;
      response.end(recorded('GetExternalIPAddress'));
    });
    const url = await listen((_request, response) => response.end(description(`http://localhost:${elsewhere.port}/`)));
    await expect(ask(url, externalAddress)).rejects.toThrow('another host');
    expect(reached).toBe(false);
  });

  it('cannot send us anywhere by a redirection', async () => {
    let reached = false;
    const elsewhere = await listen((_request, response) => {
      reached = true;
      response.end(description('/ctl'));
    });
    const url = await listen((_request, response) => response.writeHead(302, { location: elsewhere.href }).end());
    await expect(ask(url, externalAddress)).rejects.toThrow('Failed to lookup');
    expect(reached).toBe(false);
  });

  it('cannot answer with too much', async () => {
    const url = await listen((_request, response) => response.end(Buffer.alloc(1 << 20, 0x20)));
    await expect(ask(url, externalAddress)).rejects.toThrow('too much');
  });

  it.each([
    ['in its description', 'nonsense', ''],
    ['by no description', '', ''],
    ['to an action', recorded('description-2'), 'nonsense'],
    ['to an action by nothing', recorded('description-2'), ''],
    ['to an action by another', recorded('description-2'), recorded('AddPortMapping')],
  ])('that talks nonsense %s fails the call', async (_, described, reply) => {
    const url = await listen((request, response) => response.end(request.method === 'POST' ? reply : described));
    await expect(ask(url, externalAddress)).rejects.toThrow();
  });

  it('that hangs up fails the call', async () => {
    const url = await listen((request) => request.socket.destroy());
    await expect(ask(url, externalAddress)).rejects.toThrow('socket hang up');
  });

  it('that hangs up amid its answer fails the call', async () => {
    const url = await listen((request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('<root>', () => request.socket.destroy());
    });
    await expect(ask(url, externalAddress)).rejects.toThrow('aborted');
  });
});
