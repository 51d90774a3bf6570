import { describe, expect, it } from 'vitest';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { RelayLab, turnAt } from './relay-lab.js';

const [first] = publicAddresses;
/** Like most servers on the internet: no RFC 6062. */
const plain = { address: first, extra: ['--no-tcp-relay'] };

describe.concurrent('two ends', () => {
  it.for([
    ['sym', 'sym', 'tcp'],
    ['sym', 'sym', 'udp'],
    ['udpblock', 'sym', 'tcp'],
    ['sym', 'udpblock', 'tcp'],
    ['udpblock', 'udpblock', 'tcp'],
  ] as const)('behind %s and %s meet at a server that relays datagrams only, asked over %s', async ([a, b, transport], test) => {
    const lab = await ownedBy(test, RelayLab.create([plain], { a, b }));
    const both = await lab.agents(turnAt(first, `?transport=${transport}`));
    const [up] = await Promise.all(both.map((agent) => agent.event('bridge.up')));
    expect(up).toMatchObject({ kind: 'relayed', strategy: 'relay' });
    await Promise.any(
      both.map((agent) => poll('it is a place for datagrams', () => /"protocol":"udp"/.test(agent.tail(200)) || undefined)),
    );
    // An end without UDP that does not open the place itself comes to it from one of its own.
    const blocked = [a, b].filter((kind) => kind === 'udpblock').length;
    expect([[1], [1, 2], [2]][blocked]).toContain(lab.servers[0]?.allocations);
    await Promise.all(both.map((agent) => agent.terminate()));
    await poll('the allocations are gone', () => lab.servers[0]?.allocations === 0 || undefined);
  });
});
