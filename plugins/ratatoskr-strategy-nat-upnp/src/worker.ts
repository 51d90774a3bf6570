import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import natUpnp, { type Client, type Device } from 'nat-upnp';
import type { Answers, Call, WorkerData } from './messages.js';

// nat-upnp runs here, in a thread of its own: its calls cannot be called off, and a thread can be ended with all its sockets.
// It is one use of one gateway, so the client is always made for the addresses that this machine has now.

/** nat-upnp sends a search once, and datagrams get lost; milliseconds. */
const searchIntervalMs = 400;

const { gateway, own, location } = workerData as WorkerData;

// Its sockets are to be on the gateway's link alone; those that it opens for IPv6 cannot send to the group, which ends the process.
const interfaces = os.networkInterfaces;
os.networkInterfaces = () =>
  Object.fromEntries(Object.entries(interfaces()).map(([name, all]) => [name, all?.filter(({ address }) => address === own)]));

const client = natUpnp.createClient();
const found = location === undefined ? search(client) : Promise.resolve(location);
pin(client);

/** The description of the default gateway: with two gateways the faster answer would win each call. Searches until it is ended. */
function search({ ssdp }: Client): Promise<string> {
  return new Promise((resolve) => {
    const again = setInterval(ask, searchIntervalMs);
    function ask() {
      // Devices of version 2 answer to the search for version 1, too (UPnP Device Architecture 1.1 §1.3.2).
      const replies = ssdp.search('urn:schemas-upnp-org:device:InternetGatewayDevice:1');
      replies.on('device', ({ location: url }: { location?: string }) => {
        if (url === undefined || !URL.canParse(url)) return;
        const { protocol, hostname } = new URL(url);
        if (protocol !== 'http:' || hostname !== gateway) return;
        clearInterval(again);
        resolve(url);
      });
    }
    ask();
  });
}

/** Makes every call of the client reach the gateway that was found. */
function pin(unpinned: Client): void {
  unpinned.findGateway = (callback) => {
    void found.then((url) => {
      const device = natUpnp.device.create(url);
      // What routers of today have; nat-upnp knows version 1 only.
      device.services.push('urn:schemas-upnp-org:service:WANIPConnection:2');
      callback(null, device, own);
    });
  };
}

const answers: { readonly [Name in keyof Answers]: (call: Extract<Call, { name: Name }>) => Promise<Answers[Name]> } = {
  find: () => found,
  externalAddress: async () => String(await result((done) => client.externalIp(done))),
  map: async ({ externalPort, internalPort, transport, description, lifetimeSeconds }) => {
    await result((done) =>
      client.portMapping(
        {
          public: { port: externalPort },
          private: { port: internalPort, host: own },
          protocol: transport,
          description,
          ttl: lifetimeSeconds,
        },
        done,
      ),
    );
  },
  unmap: async ({ externalPort, transport }) => {
    await result((done) => client.portUnmapping({ public: { port: externalPort }, protocol: transport }, done));
  },
  entry: async ({ externalPort, transport }) => {
    const device = await result<Device>((done) => client.findGateway(done));
    const key = [
      ['NewRemoteHost', ''],
      ['NewExternalPort', externalPort],
      ['NewProtocol', transport.toUpperCase()],
    ] as const;
    try {
      return entryIn(await result((done) => device?.run('GetSpecificPortMappingEntry', key, done)));
    } catch (error) {
      // All that nat-upnp tells of a fault; here it is 714, NoSuchEntryInArray (WANIPConnection:1 §2.4.15).
      if (/Request failed: 500/.test(String(error))) return undefined;
      throw error;
    }
  },
};

function result<Value>(start: (done: (error: Error | null, value?: Value) => void) => void): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}

/** The mapping in a response's body, whose namespace prefix is the gateway's choice. */
function entryIn(body: unknown): Answers['entry'] {
  const responses = Object.entries((body ?? {}) as Record<string, unknown>);
  const [, values] = responses.find(([name]) => name.endsWith('GetSpecificPortMappingEntryResponse')) ?? [];
  if (typeof values !== 'object' || values === null) throw new Error('the gateway answers with something else');
  const { NewInternalClient: host, NewInternalPort: port, NewLeaseDuration: lease } = values as Record<string, unknown>;
  return { host: String(host), port: Number(port), leaseSeconds: Number(lease) };
}

parentPort?.on('message', async ({ id, request }: { id: number; request: Call }) => {
  try {
    const answer = answers[request.name] as (call: Call) => Promise<unknown>;
    parentPort?.postMessage({ id, value: await answer(request) });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
parentPort?.postMessage({ ready: true });
