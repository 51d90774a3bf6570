import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../src/core/error-catalogue.js';
import { SignallingError, StrategyError } from '../../src/core/errors.js';
import { addressOf } from '../../src/core/overlay-address.js';
import type { Services } from '../../src/core/peer-services.js';
import { systemRandom } from '../../src/core/random.js';
import type { AttemptConversation } from '../../src/core/signalling/attempt-conversation.js';
import { greet } from '../../src/core/signalling/greeting.js';
import type { AttemptOffer, SignallingLink } from '../../src/core/signalling/link.js';
import { protocolVersion } from '../../src/core/signalling/messages.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';
import { keys, linkedEnds } from './links.js';

const never = new AbortController().signal;

function greetStranger(say: unknown, { admit = () => {} }: { admit?: () => void } = {}) {
  const [near, far] = duplexPair();
  const clock = new FakeClock();
  const heard: string[] = [];
  far.on('data', (chunk: Buffer) => heard.push(String(chunk)));
  const link = greet(near, {
    hello: { agent: '1.0.0', key: keys[0], router: '0.5.14', strategies: [], features: [] },
    remote: addressOf(keys[1]),
    dialled: false,
    clock,
    random: systemRandom,
    signal: never,
    admit,
  });
  link.catch(() => {});
  if (say !== undefined) far.write(`${JSON.stringify(say)}\n`);
  return { link, near, clock, heard };
}

/** Makes an offer, thinks better of it at once, and lets the other end know. */
async function withdraw(controlling: SignallingLink): Promise<void> {
  const withdrawn = new AbortController();
  const outcome = expect(controlling.offer('first', withdrawn.signal)).rejects.toThrow('changed my mind');
  withdrawn.abort(new Error('changed my mind'));
  await outcome;
  await settle();
}

const hello = {
  type: 'hello',
  protocol: protocolVersion,
  agent: '1.0.0',
  key: keys[1],
  router: '0.5.14',
  strategies: [],
  features: [],
};

describe('a greeting', () => {
  it('gives the lower key control', async () => {
    const { controlling, controlled } = await linkedEnds();
    expect(controlling.identity).toMatchObject({ role: 'controlling', peer: { key: keys[1] } });
    expect(controlled.identity).toMatchObject({ role: 'controlled', peer: { key: keys[0] } });
  });

  it('do what both say that they do', async () => {
    const features: [string[], string[]] = [
      ['hidden-bridges', 'older'],
      ['newer', 'hidden-bridges'],
    ];
    const { controlling, controlled } = await linkedEnds(undefined, features);
    expect(controlling.identity.features).toEqual(['hidden-bridges']);
    expect(controlled.identity.features).toEqual(['hidden-bridges']);
  });

  it.each([
    ['a key that its address does not derive from', { ...hello, key: '22'.repeat(32) }, 'SIGNALLING_IDENTITY'],
    ['our own key', { ...hello, key: keys[0] }, 'SIGNALLING_IDENTITY'],
    ['another version of the protocol', { ...hello, protocol: 2 }, 'SIGNALLING_VERSION'],
    ['something else first', { type: 'ping', id: 1 }, 'SIGNALLING_MALFORMED'],
    ['bye', { type: 'bye', reason: 'no room' }, 'PEER_LEFT'],
  ])('turns away a remote that says %s', async (_, say, code) => {
    const { link, near, heard, clock } = greetStranger(say);
    await expect(link).rejects.toMatchObject({ code });
    await clock.advance(1000);
    expect(near.destroyed).toBe(true);
    expect(heard.join('')).toContain('"bye"');
  });

  it('turns away whom the caller does not admit, and says why', async () => {
    const { link, heard } = greetStranger(hello, {
      admit: () => {
        throw new SignallingError('SIGNALLING_NOT_ALLOWED', 'Not you.');
      },
    });
    await expect(link).rejects.toMatchObject({ code: 'SIGNALLING_NOT_ALLOWED' });
    await settle();
    expect(heard.join('')).toContain('Not you.');
  });

  it('gives up on a remote that says nothing', async () => {
    const { link, near, clock } = greetStranger(undefined);
    await clock.advance(12_000);
    await expect(link).rejects.toMatchObject({ code: 'SIGNALLING_TIMEOUT' });
    expect(near.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('a link', () => {
  it('gives both ends of an attempt one secret and one id', async () => {
    const { controlling, controlled } = await linkedEnds();
    let far: AttemptConversation | undefined;
    controlled.serve((offer) => {
      far = offer.accept();
    });
    const near = await controlling.offer('first', never);
    expect(near.secret).toEqual(far?.secret);
    expect(near.id).toBe(far?.id);
  });

  it('never uses a secret twice', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => void offer.accept());
    const first = await controlling.offer('first', never);
    const second = await controlling.offer('first', never);
    expect(first.secret).not.toEqual(second.secret);
  });

  it('keeps an offer that comes before anyone serves it', async () => {
    const { controlling, controlled } = await linkedEnds();
    const offered = controlling.offer('first', never);
    await settle();
    controlled.serve((offer) => void offer.accept());
    expect((await offered).strategy).toBe('first');
  });

  it('tells a refusal with its code', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => offer.refuse('ALREADY_PEERED', 'no need'));
    await expect(controlling.offer('first', never)).rejects.toMatchObject({
      code: 'PEER_REFUSED',
      message: expect.stringContaining('ALREADY_PEERED'),
    });
  });

  it('carries messages of an attempt in order, those in the chunk of the acceptance included', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => {
      const { channel } = offer.accept();
      void channel.send('one');
      void channel.send('two');
    });
    const { channel } = await controlling.offer('first', never);
    expect([await channel.receive(), await channel.receive()]).toEqual(['one', 'two']);
  });

  it('ends an attempt at both ends, with the reason', async () => {
    const { controlling, controlled } = await linkedEnds();
    let far: AttemptConversation | undefined;
    controlled.serve((offer) => {
      far = offer.accept();
    });
    const near = await controlling.offer('first', never);
    const reading = expect(near.channel.receive()).rejects.toMatchObject({
      code: 'PEER_ENDED',
      message: expect.stringContaining('(PUNCH_TIMEOUT)'),
      help: errorCatalogue.PUNCH_TIMEOUT.help,
    });
    far?.end('PUNCH_TIMEOUT', 'no luck');
    await reading;
    expect(near.signal.aborted).toBe(true);
  });

  it('ends its attempts when it closes', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => void offer.accept());
    const near = await controlling.offer('first', never);
    controlled.bye('going home');
    await settle();
    expect(near.signal.reason).toMatchObject({ code: 'PEER_LEFT' });
    await expect(controlling.offer('first', never)).rejects.toMatchObject({ code: 'PEER_LEFT' });
  });

  it('refuses a payload over the cap before it is sent', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => void offer.accept());
    const { channel } = await controlling.offer('first', never);
    await expect(channel.send('x'.repeat(40_000))).rejects.toMatchObject({ code: 'ATTEMPT_FLOODED' });
  });

  it('ends an attempt whose peer floods it', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => {
      const { channel } = offer.accept();
      for (let count = 0; count < 80; count++) void channel.send(count).catch(() => {});
    });
    const near = await controlling.offer('first', never);
    await settle();
    expect(near.signal.aborted).toBe(true);
  });

  it('gives up on an offer that is not answered', async () => {
    const { controlling, clock } = await linkedEnds();
    const outcome = expect(controlling.offer('first', never)).rejects.toMatchObject({ code: 'SIGNALLING_TIMEOUT' });
    await clock.advance(10_000);
    await outcome;
    expect(clock.pending).toBe(0);
  });

  it('does not let the peer go on alone with an offer that was withdrawn', async () => {
    const { controlling, controlled } = await linkedEnds();
    const offers: AttemptConversation[] = [];
    controlled.serve((offer) => {
      offers.push(offer.accept());
    });
    await withdraw(controlling);
    expect(offers.map(({ signal }) => signal.aborted)).toEqual([true]);
  });

  it('does not serve an offer that was withdrawn before anyone did', async () => {
    const { controlling, controlled } = await linkedEnds();
    await withdraw(controlling);
    const offers: AttemptOffer[] = [];
    controlled.serve((offer) => offers.push(offer));
    expect(offers).toEqual([]);
  });

  it('has room for an offer after any number that were withdrawn', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.serve((offer) => void offer.accept());
    for (let count = 0; count < 40; count++) await withdraw(controlling);
    await expect(controlling.offer('first', never)).resolves.toBeDefined();
  });

  it('tells when a peer that left an offer unanswered is heard again', async () => {
    const { controlling, controlled, clock } = await linkedEnds();
    let revived = 0;
    controlling.onRevived = () => {
      revived += 1;
    };
    const unanswered = expect(controlling.offer('first', never)).rejects.toMatchObject({ code: 'SIGNALLING_TIMEOUT' });
    await clock.advance(10_000);
    await unanswered;
    expect(revived).toBe(0);
    await controlled.measure();
    await controlled.measure();
    expect(revived).toBe(1);
  });

  it('measures the round trip', async () => {
    const { controlling } = await linkedEnds();
    expect(await controlling.measure()).toBe(0);
    expect(controlling.rttMs).toBe(0);
  });

  it('tells what an agent offers, and each change', async () => {
    const { controlling, controlled } = await linkedEnds();
    const heard: Services[] = [];
    controlled.services.keepBy((services) => heard.push(services));
    const [before, after] = [offers('20.0.1.2'), { stun: [], relay: [{ address: '20.0.1.2', port: 3479 }] }];
    controlling.services.tell(before);
    controlling.services.tell(after);
    await settle();
    expect(heard).toEqual([before, after]);
  });

  it('keeps what came before anyone listened', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlling.services.tell(offers('20.0.1.2'));
    await settle();
    const heard: Services[] = [];
    controlled.services.keepBy((services) => heard.push(services));
    expect(heard).toEqual([offers('20.0.1.2')]);
  });

  it('passes over changes of what is offered that come too fast, and stays up', async () => {
    const { controlling, controlled, clock } = await linkedEnds();
    const heard: Services[] = [];
    controlled.services.keepBy((services) => heard.push(services));
    for (let count = 0; count < 50; count++) controlling.services.tell(offers(`20.0.1.${count}`));
    await settle();
    expect(heard).toHaveLength(5);
    expect(controlled.signal.aborted).toBe(false);
    await clock.advance(1000);
    controlling.services.tell(offers('20.0.2.2'));
    await settle();
    expect(heard.at(-1)).toEqual(offers('20.0.2.2'));
  });
});

function offers(address: string): Services {
  return { stun: [{ address, port: 3478 }], relay: [] };
}

describe('leave to use a peer’s relay', () => {
  it('is granted by whoever the link asks', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlled.services.grantBy(() => 'ab'.repeat(32));
    expect(await controlling.services.askRelay(never)).toBe('ab'.repeat(32));
  });

  it.each(['RELAY_BYTES_SPENT', 'RELAY_TIME_SPENT'] as const)('is refused with the peer’s reason, such as %s', async (code) => {
    const { controlling, controlled } = await linkedEnds();
    controlled.services.grantBy(() => {
      throw new StrategyError(code, 'Come back tomorrow.');
    });
    const refused = controlling.services.askRelay(never);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining('tomorrow') });
  });

  it('is refused where nobody relays', async () => {
    const { controlling } = await linkedEnds();
    await expect(controlling.services.askRelay(never)).rejects.toMatchObject({ code: 'RELAY_NOT_ALLOWED' });
  });

  it('is not waited for longer than the link lives', async () => {
    const { controlling, controlled } = await linkedEnds();
    const asked = controlling.services.askRelay(never);
    controlled.abandon();
    await expect(asked).rejects.toBeInstanceOf(Error);
  });
});
