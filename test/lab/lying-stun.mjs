// A STUN server (RFC 8489) that tells everybody the same wrong address, over UDP and TCP. Plain node, so that it starts at once.
//   ADDRESS  where it listens, port 3478
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const port = 3478;
const [address] = process.argv.slice(2);
/** 198.51.100.7:40000 as XOR-MAPPED-ADDRESS (§14.2), and the magic cookie. */
const cookie = Buffer.from('2112a442', 'hex');
const value = Buffer.concat([
  Buffer.from([0, 1]),
  xor(Buffer.from([40_000 >> 8, 40_000 & 255])),
  xor(Buffer.from([198, 51, 100, 7])),
]);

const server = createServer((socket) => {
  socket.on('error', () => {}).on('data', (request) => socket.write(answer(request)));
});
const socket = createSocket('udp4', (request, { port: from, address: to }) => socket.send(answer(request), from, to));
await Promise.all([
  new Promise((resolve) => server.listen(port, address, resolve)),
  new Promise((resolve) => socket.bind(port, address, resolve)),
]);
console.log('ready');

function answer(request) {
  const header = Buffer.from([0x01, 0x01, 0, 12]);
  return Buffer.concat([header, request.subarray(4, 20), Buffer.from([0, 0x20, 0, 8]), value]);
}

function xor(bytes) {
  return Buffer.from(bytes.map((byte, index) => byte ^ cookie[index]));
}
