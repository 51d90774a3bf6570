import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { guardRequests } from '../src/guard-requests.js';

guardRequests(createRequire(import.meta.url), '127.0.0.1');
// From here on, and not before.
const { default: natUpnp } = await import('nat-upnp');

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(handler: http.RequestListener): Promise<URL> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/root.xml`);
}

/** A description of a gateway that takes actions at `control`. */
function description(control: string): string {
  const service = 'urn:schemas-upnp-org:service:WANIPConnection:1';
  const parts = `<serviceType>${service}</serviceType><controlURL>${control}</controlURL><SCPDURL>/scpd</SCPDURL>`;
  return `<root><device><serviceList><service>${parts}</service></serviceList></device></root>`;
}

const envelope =
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:Response><Value>7</Value></u:Response></s:Body></s:Envelope>';

function run(url: URL): Promise<unknown> {
  return new Promise((resolve, reject) => {
    natUpnp.device.create(url.href).run('GetExternalIPAddress', [], (error, body) => {
      if (error) reject(error);
      else resolve(body);
    });
  });
}

describe('a gateway that nat-upnp asks', () => {
  it('is answered as ever when it keeps to itself', async () => {
    const url = await listen((request, response) => response.end(request.method === 'POST' ? envelope : description('/ctl')));
    expect(await run(url)).toMatchObject({ 'u:Response': { Value: '7' } });
  });

  it('cannot send us to another host by its description', async () => {
    let reached = false;
    const elsewhere = await listen((_request, response) => {
      reached = true;
      response.end(envelope);
    });
    const url = await listen((_request, response) => response.end(description(`http://localhost:${elsewhere.port}/`)));
    await expect(run(url)).rejects.toThrow('another host');
    expect(reached).toBe(false);
  });

  it('cannot send us anywhere by a redirection', async () => {
    let reached = false;
    const elsewhere = await listen((_request, response) => {
      reached = true;
      response.end(description('/ctl'));
    });
    const url = await listen((_request, response) => response.writeHead(302, { location: elsewhere.href }).end());
    await expect(run(url)).rejects.toThrow('Failed to lookup');
    expect(reached).toBe(false);
  });

  it('cannot answer with too much', async () => {
    const url = await listen((_request, response) => response.end(Buffer.alloc(1 << 20, 0x20)));
    await expect(run(url)).rejects.toThrow('too much');
  });
});
