// What two hosts can say to each other, asked from inside the laboratory. Plain node, so that it starts at once.
//   serve                          accept TCP and answer UDP on port 4000 with the sender's port, on every own address
//   tcp ADDRESS PORT               prints connected, reset or dropped
//   udp LOCAL-PORT PORT ADDRESS... prints a JSON list: what each address answered, or null
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

const patienceMs = 1000;
const [mode, ...args] = process.argv.slice(2);
if (mode === 'serve') await serve();
else if (mode === 'tcp') console.log(await openTcp(args[0], Number(args[1])));
else console.log(JSON.stringify(await exchange(Number(args[0]), Number(args[1]), args.slice(2))));

async function serve() {
  await new Promise((resolve) => createServer((socket) => socket.on('error', () => {})).listen(4000, '::', resolve));
  const own = Object.values(networkInterfaces())
    .flat()
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  for (const { address } of own) {
    const socket = createSocket('udp4');
    socket.on('message', (_, from) => socket.send(String(from.port), from.port, from.address));
    await new Promise((resolve) => socket.bind(4000, address, resolve));
  }
  console.log('ready');
}

function openTcp(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: patienceMs });
    const end = (outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.on('connect', () => end('connected'));
    socket.on('timeout', () => end('dropped'));
    socket.on('error', ({ code }) => end(code === 'ECONNREFUSED' ? 'reset' : code));
  });
}

/** What is sent is a STUN Binding request (RFC 8489 §5), so that STUN servers answer too. */
async function exchange(localPort, port, addresses) {
  const request = Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)]);
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(localPort, resolve));
  const answers = new Map();
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    socket.on('message', (message, { address }) => {
      answers.set(address, message.toString('latin1'));
      if (answers.size < addresses.length) return;
      clearTimeout(timer);
      resolve();
    });
    for (const address of addresses) socket.send(request, port, address);
  });
  socket.close();
  return addresses.map((address) => answers.get(address) ?? null);
}
