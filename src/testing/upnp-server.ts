import type { ByteStream } from '../core/net.js';
import type { Host } from './host.js';
import { httpText, parseHttp, readHttp } from './http-message.js';
import type { Nat } from './nat.js';
import { element, elements } from './upnp-control.js';

/** UPnP Device Architecture 1.1 §1.3.2. */
const searchPort = 1900;
const httpPort = 5000;
const device = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
const service = 'urn:schemas-upnp-org:service:WANIPConnection:1';

const description = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>${device}</deviceType><serviceList><service>
<serviceType>${service}</serviceType><controlURL>/control</controlURL><SCPDURL>/scpd</SCPDURL>
</service></serviceList></device></root>`;

interface Entry {
  readonly protocol: 'tcp' | 'udp';
  readonly client: string;
  readonly port: number;
  /** Of the clock; Infinity for ever. */
  readonly until: number;
}

/** A UPnP Internet Gateway Device, version 1, for a NAT. @param gateway host that has the NAT's inside address */
export function serveUpnp(gateway: Host, nat: Nat): void {
  const connection = new WanIpConnection(gateway, nat);
  const socket = gateway.udp.bind({
    local: { address: '0.0.0.0', port: searchPort },
    onMessage: (packet, from) => {
      const { start, headers } = parseHttp(packet.toString('latin1'));
      if (!start.startsWith('M-SEARCH') || headers.get('st') !== device) return;
      const location = `http://${gateway.address}:${httpPort}/description.xml`;
      socket.send(Buffer.from(httpText('HTTP/1.1 200 OK', { ST: device, LOCATION: location })), from);
    },
  });
  const serve = async (stream: ByteStream) => {
    const { start, headers, body } = await readHttp(stream);
    if (start.startsWith('GET')) return stream.end(httpText('HTTP/1.1 200 OK', {}, description));
    const action = /#(\w+)/.exec(headers.get('soapaction') ?? '')?.[1] ?? '';
    return stream.end(connection.answer(action, new Map(elements(element(body, action)))));
  };
  gateway.tcp.listen({
    local: { address: gateway.address, port: httpPort },
    onStream: (stream) => {
      stream.on('error', () => {});
      serve(stream).catch(() => stream.destroy());
    },
  });
}

/** WANIPConnection:1, as far as mapping ports goes. */
class WanIpConnection {
  /** By protocol and external port. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly gateway: Host,
    private readonly nat: Nat,
  ) {}

  /** @returns the whole HTTP response */
  answer(action: string, values: ReadonlyMap<string, string>): string {
    const protocol = values.get('NewProtocol') === 'TCP' ? 'tcp' : 'udp';
    const externalPort = Number(values.get('NewExternalPort'));
    const name = `${protocol} ${externalPort}`;
    const entry = this.present(name);
    switch (action) {
      case 'GetExternalIPAddress':
        return success(action, { NewExternalIPAddress: this.nat.externalAddresses[0] ?? '' });
      case 'GetSpecificPortMappingEntry': {
        if (!entry) return noSuchEntry();
        const lease = Number.isFinite(entry.until) ? Math.ceil((entry.until - this.gateway.clock.now()) / 1000) : 0;
        const { client, port } = entry;
        return success(action, { NewInternalClient: client, NewInternalPort: port, NewLeaseDuration: lease });
      }
      case 'AddPortMapping': {
        const client = values.get('NewInternalClient') ?? '';
        if (entry && entry.client !== client) return conflict();
        const port = Number(values.get('NewInternalPort'));
        // 0 is for ever (§2.2.20).
        const leaseMs = Number(values.get('NewLeaseDuration')) * 1000 || Number.POSITIVE_INFINITY;
        const internal = { address: client, port };
        const external = this.nat.map(protocol, internal, externalPort, leaseMs);
        if (external?.port !== externalPort) return conflict();
        this.entries.set(name, { protocol, client, port, until: this.gateway.clock.now() + leaseMs });
        return success(action, {});
      }
      case 'DeletePortMapping':
        if (!entry) return noSuchEntry();
        this.entries.delete(name);
        this.nat.map(protocol, { address: entry.client, port: entry.port }, externalPort, 0);
        return success(action, {});
      default:
        return fault(401, 'Invalid Action');
    }
  }

  /** What the NAT has forgotten is gone, too. */
  private present(name: string): Entry | undefined {
    const entry = this.entries.get(name);
    const isKnown = this.nat.requestedMappings.some(({ address, port }) => address === entry?.client && port === entry.port);
    if (!isKnown) this.entries.delete(name);
    return isKnown ? entry : undefined;
  }
}

function success(action: string, values: Readonly<Record<string, string | number>>): string {
  const content = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`);
  return httpText(
    'HTTP/1.1 200 OK',
    {},
    envelope(`<u:${action}Response xmlns:u="${service}">${content.join('')}</u:${action}Response>`),
  );
}

/** §2.4.15. */
function noSuchEntry(): string {
  return fault(714, 'The specified value does not exist in the array');
}

/** §2.4.16. */
function conflict(): string {
  return fault(718, 'The port mapping entry specified conflicts with a mapping assigned previously to another client');
}

function fault(code: number, text: string): string {
  const error = `<UPnPError><errorCode>${code}</errorCode><errorDescription>${text}</errorDescription></UPnPError>`;
  const content = `<s:Fault><faultstring>UPnPError</faultstring><detail>${error}</detail></s:Fault>`;
  return httpText('HTTP/1.1 500 Internal Server Error', {}, envelope(content));
}

function envelope(content: string): string {
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${content}</s:Body></s:Envelope>`;
}
