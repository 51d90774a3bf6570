// Dials from inside the laboratory for a test outside of it. Plain node, so that it starts at once.
//   dial.mjs SOCKET     listens on that unix socket. Who connects says where to as a line of JSON, { host, port, localAddress? },
//                       and reads a line: ok, or the code of the error. What follows an ok is the connection itself, both ways.
import { connect, createServer } from 'node:net';

const server = createServer({ allowHalfOpen: true }, (near) => {
  near.on('error', () => {});
  near.once('data', (line) => dial(near, JSON.parse(line)));
});
server.listen({ path: process.argv[2], backlog: 4096 }, () => console.log('ready'));

function dial(near, target) {
  near.pause();
  const far = connect({ ...target, allowHalfOpen: true });
  const fail = ({ code }) => near.end(`${code}\n`);
  far.once('error', fail);
  far.once('connect', () => {
    far.off('error', fail);
    far.on('error', () => {});
    near.write('ok\n');
    near.pipe(far).pipe(near);
    // A reset is one at both ends.
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
}
