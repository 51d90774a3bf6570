// A gateway whose UPnP-IGD is broken: it answers searches (SSDP), accepts connections and then says nothing. Plain node, so that it
// starts at once. Prints `ready`, and a line for each search and each connection.
//   ADDRESS  its own on the side of the hosts
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const port = 49_000;
const [address] = process.argv.slice(2);

const server = createServer((socket) => {
  console.log('connection');
  socket
    .on('error', () => {})
    .on('close', () => console.log('closed'))
    .resume();
});
await new Promise((resolve) => server.listen(port, address, resolve));

const ssdp = createSocket({ type: 'udp4', reuseAddr: true });
ssdp.on('message', (message, { port: from, address: to }) => {
  if (!message.toString().startsWith('M-SEARCH')) return;
  console.log('search');
  const target = /^ST: *(.+)$/im.exec(message.toString())?.[1]?.trim() ?? 'upnp:rootdevice';
  const lines = ['HTTP/1.1 200 OK', 'CACHE-CONTROL: max-age=120', `ST: ${target}`, `USN: uuid:stall::${target}`, 'EXT:'];
  ssdp.send([...lines, 'SERVER: Lab/1', `LOCATION: http://${address}:${port}/rootDesc.xml`, '', ''].join('\r\n'), from, to);
});
await new Promise((resolve) => ssdp.bind(1900, resolve));
ssdp.addMembership('239.255.255.250', address);
console.log('ready');
