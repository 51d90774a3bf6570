// Asks a STUN server, given as address:port, how it sees this host, and prints the addresses as a line of JSON.

import { systemClock as clock } from '../../../src/core/clock.js';
import { parseHostPort } from '../../../src/core/config/host-port.js';
import { systemRandom as random } from '../../../src/core/random.js';
import { StunTransactions } from '../../../src/discovery/stun/stun-transactions.js';
import { bindOverTcp } from '../../../src/discovery/stun/tcp-binding.js';
import { createSystemNet } from '../../../src/native/system-net.js';

const { host: address, port } = parseHostPort(process.argv[2] ?? '') ?? { host: '', port: 0 };
const remote = { address, port };
const net = createSystemNet();

const stream = await net.connectTcp({ remote, timeoutMs: 5000 });
const tcp = await bindOverTcp(stream, { clock, random, timeoutMs: 5000 });
stream.destroy();

const socket = await net.bindUdp({
  local: { address: '0.0.0.0', port: 0 },
  onMessage: (data, from) => transactions.receive(data, from),
});
const transactions = new StunTransactions({ clock, random, send: (data, to) => socket.send(data, to) });
const udp = await transactions.bind(remote, { timeoutMs: 5000 });
await socket.close();

console.log(JSON.stringify({ tcp: tcp.address, udp: udp.mapped.address }));
