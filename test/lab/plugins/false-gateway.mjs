// A device that calls itself an internet gateway: it answers every UPnP search, takes connections and never says a word on them.
//   false-gateway.mjs ADDRESS       its own address on the link; prints ready, searched, connected and closed, one a line
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [address] = process.argv.slice(2);
const port = 5001;
const answer = [
  'HTTP/1.1 200 OK',
  'CACHE-CONTROL: max-age=120',
  'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  `LOCATION: http://${address}:${port}/root.xml`,
  'USN: uuid:00000000-0000-0000-0000-000000000000::urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  '\r\n',
].join('\r\n');

const server = createServer((socket) => {
  console.log('connected');
  socket.on('error', () => {});
  socket.on('close', () => console.log('closed'));
  socket.resume();
});
await new Promise((resolve) => server.listen(port, address, resolve));
const searches = createSocket({ type: 'udp4', reuseAddr: true });
searches.on('message', (_search, { port: from, address: asker }) => {
  console.log('searched');
  searches.send(answer, from, asker);
});
searches.bind(1900, () => {
  searches.addMembership('239.255.255.250', address);
  console.log('ready');
});
