import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { withIgd } from '../../src/discovery/gateway/igd-client.js';
import type { CallOptions, ProtocolServices } from '../../src/discovery/gateway/mapping-protocol.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: net.Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/root.xml`);
}

function options(timeoutMs = 5000, signal = new AbortController().signal): CallOptions {
  return { services: { clock: systemClock } as unknown as ProtocolServices, timeoutMs, signal };
}

/** A gateway that describes itself and answers every action alike. */
function gateway(reply: string, { status = 200, control = '/ctl' } = {}): Promise<URL> {
  const service = 'urn:schemas-upnp-org:service:WANIPConnection:1';
  const parts = `<serviceType>${service}</serviceType><controlURL>${control}</controlURL><SCPDURL>/scpd</SCPDURL>`;
  const description = `<root><device><serviceList><service>${parts}</service></serviceList></device></root>`;
  const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${reply}</s:Body></s:Envelope>`;
  return listen(
    http.createServer((request, response) => {
      if (request.method === 'POST') response.writeHead(status).end(envelope);
      else response.end(description);
    }),
  );
}

const askAddress = (url: URL, call = options()) => withIgd(url, call, (igd) => igd.run('GetExternalIPAddress', []));
const fault = (code: number) =>
  `<s:Fault><faultstring>UPnPError</faultstring><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`;

describe('a UPnP gateway', () => {
  it('answers with values by name', async () => {
    const reply =
      '<u:GetExternalIPAddressResponse><NewExternalIPAddress>20.0.1.2</NewExternalIPAddress></u:GetExternalIPAddressResponse>';
    expect(await askAddress(await gateway(reply))).toEqual({ NewExternalIPAddress: '20.0.1.2' });
  });

  it('whose port is taken has a conflict', async () => {
    await expect(askAddress(await gateway(fault(718), { status: 500 }))).rejects.toMatchObject({ code: 'MAPPING_CONFLICT' });
  });

  it('that refuses is quoted', async () => {
    const refusal = { code: 'MAPPING_REFUSED', message: expect.stringContaining('not authorized') };
    await expect(askAddress(await gateway(fault(606), { status: 500 }))).rejects.toMatchObject(refusal);
  });

  it('that answers something else is refused', async () => {
    await expect(askAddress(await gateway('<other/>'))).rejects.toMatchObject({ code: 'MAPPING_REFUSED' });
  });

  it('that answers without end is refused', async () => {
    const url = await listen(http.createServer((_, response) => response.end(Buffer.alloc(1 << 20, 0x20))));
    await expect(askAddress(url)).rejects.toMatchObject({ message: expect.stringContaining('too much') });
  });

  it('that takes connections and stalls is given up at the deadline, and its connection is closed', async () => {
    let closed: Promise<unknown> | undefined;
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
    });
    const url = await listen(server);
    await expect(askAddress(url, options(2000))).rejects.toMatchObject({ code: 'MAPPING_TIMEOUT' });
    expect(closed).toBeDefined();
    await closed;
  });

  it('is left at once when the caller aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const stalled = net.createServer((socket) => {
      socket.on('error', () => {});
      controller.abort(reason);
    });
    await expect(askAddress(await listen(stalled), options(60_000, controller.signal))).rejects.toBe(reason);
  });

  it('cannot send us to another host', async () => {
    let reached = false;
    const elsewhere = await listen(
      net.createServer((socket) => {
        reached = true;
        socket.destroy();
      }),
    );
    const url = await gateway('', { control: `http://localhost:${elsewhere.port}/` });
    await expect(askAddress(url)).rejects.toMatchObject({ message: expect.stringContaining('another host') });
    expect(reached).toBe(false);
  });
});
