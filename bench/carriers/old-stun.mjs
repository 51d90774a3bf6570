/**
 * Answers Binding requests over TCP as RFC 3489 has it, with a plain MAPPED-ADDRESS: what ygg-p2p-agent understands.
 * node old-stun.mjs ADDRESS PORT
 */
import net from 'node:net';

const headerBytes = 20;
const [address = '', port = ''] = process.argv.slice(2);

const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (request) => {
    if (request.length < headerBytes) return;
    const attribute = Buffer.alloc(12);
    attribute.writeUInt16BE(1, 0);
    attribute.writeUInt16BE(8, 2);
    attribute.writeUInt8(1, 5);
    attribute.writeUInt16BE(socket.remotePort ?? 0, 6);
    attribute.set((socket.remoteAddress ?? '').split('.').map(Number), 8);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16BE(0x0101, 0);
    header.writeUInt16BE(attribute.length, 2);
    request.copy(header, 4, 4, headerBytes);
    socket.write(Buffer.concat([header, attribute]));
  });
});
server.listen(Number(port), address, () => console.log('ready'));
