// Examines the NAT in front of this host and prints what was found as a line of JSON. Arguments: servers as host:port, and
// milliseconds to leave a mapping idle.
import { systemClock } from '../../../src/core/clock.js';
import { systemRandom } from '../../../src/core/random.js';
import { examineNat } from '../../../src/discovery/nat-behaviour/examine-nat.js';
import { createSystemNet } from '../../../src/native/system-net.js';

const args = process.argv.slice(2);
const found = await examineNat({
  net: createSystemNet(),
  clock: systemClock,
  random: systemRandom,
  family: 4,
  servers: args.filter((arg) => arg.includes(':')),
  idleMs: args.filter((arg) => !arg.includes(':')).map(Number),
});
console.log(JSON.stringify(found));
