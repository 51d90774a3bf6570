import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StrategyError } from '../../src/core/errors.js';
import type { Listener } from '../../src/core/net.js';
import type { Role } from '../../src/core/strategy.js';
import { createSystemNet } from '../../src/native/system-net.js';
import type { Relay, RelayedPlace } from '../../src/strategies/relay/relay-source.js';
import { attempt as bothEnds, type Side } from './relay-attempt.js';
import { honest, type StunServer, silent, stunServer } from './stun-server.js';

const net = createSystemNet();
let servers: StunServer[];
let attempts: ReturnType<typeof bothEnds>[];
beforeEach(() => {
  servers = [];
  attempts = [];
});
afterEach(async () => {
  for (const path of attempts.flatMap(({ paths }) => paths)) path.destroy();
  await Promise.all(servers.map((server) => server.close()));
});

/** A relay on loopback: the place is a listener, and STUN is answered elsewhere. */
class FakeRelay implements Relay {
  readonly places: { closed: boolean; lose(): void }[] = [];
  refusal: StrategyError | undefined;
  private constructor(
    readonly name: string,
    readonly address: Relay['address'],
  ) {}

  static async start(name: string, behaviour = honest): Promise<FakeRelay> {
    const server = await stunServer(behaviour);
    servers.push(server);
    return new FakeRelay(name, { address: '127.0.0.1', port: Number(server.name.split(':')[1]), transport: 'tcp' });
  }

  async open({ onStream }: Parameters<Relay['open']>[0]): Promise<RelayedPlace> {
    if (this.refusal) throw this.refusal;
    const lost = new AbortController();
    const local = { address: '127.0.0.1', port: 0 };
    const listener: Listener = await net.listenTcp({ local, onStream: (stream) => onStream({ stream, local, remote: local }) });
    const place = { closed: false, lose: () => lost.abort(new StrategyError('TURN_UNREACHABLE', 'It is gone.')) };
    this.places.push(place);
    return {
      endpoint: listener.local ?? local,
      protocol: 'tcp',
      admit: async () => {},
      lost: lost.signal,
      close: async () => {
        place.closed = true;
        await listener.close();
      },
    };
  }
}

/** As a configuration names it. */
const placeOf = ({ address: { address, port } }: FakeRelay) => `${address}:${port}`;

function attempt(sides: Readonly<Record<Role, Side>>): ReturnType<typeof bothEnds> {
  const made = bothEnds(sides);
  attempts.push(made);
  return made;
}

describe('two ends at a relay', () => {
  it('get one stream between them, which says what it is', async () => {
    const relay = await FakeRelay.start('relay.test:3478');
    const { run } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay] } });
    const [near, far] = await Promise.all([run.controlling, run.controlled]);
    expect(near.info).toMatchObject({ kind: 'relayed', relay: 'relay.test:3478' });
    near.write('over the branch');
    expect(String((await once(far, 'data'))[0])).toBe('over the branch');
  });

  it('take the next when one refuses', async () => {
    const [full, roomy] = [await FakeRelay.start('full.test:1'), await FakeRelay.start('roomy.test:1')];
    full.refusal = new StrategyError('TURN_FULL', 'No room.');
    const { run } = attempt({ controlling: { relays: [full, roomy] }, controlled: { relays: [roomy] } });
    await Promise.all([run.controlling, run.controlled]);
    expect(roomy.places).toHaveLength(1);
  });

  it('leave out one that does not answer', async () => {
    const [mute, good] = [await FakeRelay.start('mute.test:1', silent), await FakeRelay.start('good.test:1')];
    const { run } = attempt({ controlling: { relays: [mute, good] }, controlled: { relays: [good] } });
    await Promise.all([run.controlling, run.controlled]);
    expect(mute.places).toEqual([]);
  });

  it('say why the only one did not serve', async () => {
    const relay = await FakeRelay.start('full.test:1');
    relay.refusal = new StrategyError('TURN_FULL', 'No room.');
    const { run } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay] } });
    await expect(run.controlling).rejects.toMatchObject({ code: 'TURN_FULL' });
    await expect(run.controlled).rejects.toMatchObject({ code: 'TURN_FULL', message: expect.stringContaining('No room.') });
  });

  it('give the place back when the path ends', async () => {
    const relay = await FakeRelay.start('relay.test:1');
    const { run } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay] } });
    const [near, far] = await Promise.all([run.controlling, run.controlled]);
    const ended = Promise.all([near, far].map((path) => once(path, 'close')));
    near.destroy();
    far.destroy();
    await ended;
    expect(relay.places.map(({ closed }) => closed)).toEqual([true]);
  });

  it('keep the path that they have while no way is clearly shorter', async () => {
    const relay = await FakeRelay.start('relay.test:1');
    const sides = { controlling: { relays: [relay] }, controlled: { relays: [relay] } };
    const { run, again } = attempt(sides);
    const [near, far] = await Promise.all([run.controlling, run.controlled]);
    const second = again();
    await expect(second.run.controlling).rejects.toMatchObject({ code: 'RELAY_ROUTE_KEPT' });
    second.abort.abort(new StrategyError('PEER_ENDED', 'The peer keeps its path.'));
    const ended = Promise.all([near, far].map((path) => once(path, 'close')));
    near.destroy();
    far.destroy();
    await ended;
    const third = again();
    await Promise.all([third.run.controlling, third.run.controlled]);
  });

  it('go by the relay that the configuration of either names, whatever was measured', async () => {
    const [listed, named] = [await FakeRelay.start('listed.test:1'), await FakeRelay.start('named.test:1')];
    for (const one of ['controlling', 'controlled'] as const) {
      const relays = { relays: [listed, named] };
      const sides = { controlling: relays, controlled: relays, [one]: { ...relays, over: [placeOf(named)] } };
      const { run } = attempt(sides);
      await Promise.all([run.controlling, run.controlled]);
    }
    expect([listed.places.length, named.places.length]).toEqual([0, 2]);
  });

  it('take the next of those that the configuration names when both do not reach the first', async () => {
    const [mute, next] = [await FakeRelay.start('mute.test:1', silent), await FakeRelay.start('next.test:1')];
    const relays = [mute, next];
    const { run } = attempt({ controlling: { relays, over: [mute, next].map(placeOf) }, controlled: { relays: [next] } });
    const [near] = await Promise.all([run.controlling, run.controlled]);
    expect(near.info.relay).toBe('next.test:1');
  });

  it('fall back to no relay that the configuration does not name', async () => {
    const [mute, good] = [await FakeRelay.start('mute.test:1', silent), await FakeRelay.start('good.test:1')];
    const relays = [mute, good];
    const { run, abort } = attempt({ controlling: { relays, over: [placeOf(mute)] }, controlled: { relays } });
    await expect(run.controlling).rejects.toMatchObject({
      code: 'RELAY_ROUTE_UNREACHABLE',
      message: expect.stringContaining(placeOf(mute)),
    });
    abort.abort(new StrategyError('PEER_ENDED', 'The peer has none.'));
    await expect(run.controlled).rejects.toMatchObject({ code: 'PEER_ENDED' });
    expect(good.places).toEqual([]);
  });

  it('take none where the configuration wants none', async () => {
    const relay = await FakeRelay.start('relay.test:1');
    const { run, abort } = attempt({ controlling: { relays: [relay], over: [] }, controlled: { relays: [relay] } });
    await expect(run.controlling).rejects.toMatchObject({ code: 'RELAY_ROUTE_NONE' });
    abort.abort(new StrategyError('PEER_ENDED', 'The peer has none.'));
    await expect(run.controlled).rejects.toMatchObject({ code: 'PEER_ENDED' });
  });

  it('lose the path with the place', async () => {
    const relay = await FakeRelay.start('relay.test:1');
    const { run } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay] } });
    const both = await Promise.all([run.controlling, run.controlled]);
    const ended = Promise.race(both.map((path) => new Promise((resolve) => path.once('error', resolve))));
    relay.places[0]?.lose();
    expect(await ended).toMatchObject({ code: 'TURN_UNREACHABLE' });
  });

  it('stop when they are called off', async () => {
    const relay = await FakeRelay.start('relay.test:1', silent);
    const { run, abort } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay] } });
    abort.abort(new StrategyError('ATTEMPT_ABORTED', 'Another won.'));
    await expect(run.controlling).rejects.toMatchObject({ code: 'ATTEMPT_ABORTED' });
    await expect(run.controlled).rejects.toMatchObject({ code: 'ATTEMPT_ABORTED' });
  });

  it('have none when neither names one', async () => {
    const { run } = attempt({ controlling: { relays: [] }, controlled: { relays: [] } });
    await expect(run.controlling).rejects.toMatchObject({ code: 'RELAY_NONE' });
    await expect(run.controlled).rejects.toMatchObject({ code: 'RELAY_NONE' });
  });

  it('use none where one end wants none', async () => {
    const relay = await FakeRelay.start('relay.test:1');
    const { run, abort } = attempt({ controlling: { relays: [relay] }, controlled: { relays: [relay], use: 'never' } });
    await expect(run.controlled).rejects.toMatchObject({ code: 'RELAY_DISABLED' });
    // The agent ends the attempt at the other end then.
    abort.abort(new StrategyError('PEER_ENDED', 'Relays are switched off.'));
    await expect(run.controlling).rejects.toMatchObject({ code: 'PEER_ENDED' });
    expect(relay.places).toEqual([]);
  });
});
