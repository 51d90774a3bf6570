import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/core/errors.js';
import { encodeAgentFrame } from '../../src/core/frames/agent-frames.js';
import { createStreamPumps } from '../../src/core/stream-pump.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';
import { frame, handshake, trafficFrame } from './link-frames.js';

const keys = { ownKey: Buffer.alloc(32, 1), peerKey: Buffer.alloc(32, 2) };

const memoryBytes = 66 * 1024;

/** A pump at one end, with the other end's hands on the path and on the router's socket. */
function onePump(keepBackMs = 0) {
  const clock = new FakeClock();
  const [path, far] = duplexPair();
  const [router, ownRouter] = duplexPair();
  const pump = createStreamPumps(clock).start({ path, router, hidden: true, keepBackMs, ...keys });
  return { clock, pump, far, ownRouter, path, router };
}

/** A socket with one piece of memory to read to: as much as that holds of what there is comes as one chunk, as soon as somebody looks. */
class SlowSocket extends Duplex {
  watched = false;
  private there = Buffer.alloc(0);

  constructor() {
    super({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  }

  come(bytes: Uint8Array): void {
    this.there = Buffer.concat([this.there, bytes]);
    this.hand();
  }

  override pause(): this {
    this.watched = false;
    return this;
  }

  override resume(): this {
    this.watched = true;
    this.hand();
    return this;
  }

  private hand(): void {
    while (this.watched && this.there.length > 0) {
      const chunk = this.there.subarray(0, memoryBytes);
      this.there = this.there.subarray(memoryBytes);
      this.emit('data', chunk);
    }
  }
}

async function greet(...ends: Duplex[]): Promise<void> {
  for (const end of ends) end.resume().write(handshake());
  await settle();
}

describe('a pump that hears nothing on its path', () => {
  it('gives it up within five seconds, idle or not', async () => {
    const { clock, pump, far, ownRouter } = onePump();
    await greet(far, ownRouter);
    await clock.advance(4600);
    expect(clock.pending).toBeGreaterThan(0);
    await clock.advance(200);
    expect((await pump.ended).code).toBe('PATH_SILENT');
    expect(clock.pending).toBe(0);
  });

  it('goes on while the other agent gives signs of life', async () => {
    const { clock, pump, far, ownRouter, path } = onePump();
    await greet(far, ownRouter);
    for (let beat = 0; beat < 10; beat++) {
      far.write(encodeAgentFrame({ kind: 'beat', sentAt: 1, echo: 0, heardAt: 0, received: 0 }));
      await clock.advance(1500);
    }
    expect(path.destroyed).toBe(false);
    await pump.end(new BridgeError('SESSION_ENDED', 'Over.'));
  });

  it('waits on while it cannot listen because its router takes nothing', async () => {
    const { clock, pump, far, ownRouter, path } = onePump();
    await greet(far, ownRouter);
    ownRouter.pause();
    const frame = Buffer.concat([Buffer.from([0x80, 0x80, 0x04, 4]), Buffer.alloc(65_535)]);
    for (let count = 0; count < 4; count++) far.write(frame);
    await settle();
    await clock.advance(20_000);
    expect(path.destroyed).toBe(false);
    ownRouter.resume();
    await settle();
    await clock.advance(5000);
    expect((await pump.ended).code).toBe('PATH_SILENT');
  });
});

describe('a pump on a slow line', () => {
  const greeting = handshake();
  const long = frame(6, Buffer.alloc(64_000, 7));

  function slowPump() {
    const clock = new FakeClock();
    const path = new SlowSocket();
    const [router, ownRouter] = duplexPair();
    const pump = createStreamPumps(clock).start({ path, router, hidden: true, lentPathBytes: memoryBytes, ...keys });
    const received: Buffer[] = [];
    ownRouter.on('data', (chunk: Buffer) => received.push(chunk));
    path.come(greeting);
    /** A part of a long frame each millisecond. @returns how many of them somebody was waiting for */
    const comes = async () => {
      let looked = 0;
      for (let at = 0; at < long.length; at += 8000) {
        if (path.watched) looked++;
        path.come(long.subarray(at, at + 8000));
        await clock.advance(1);
      }
      return looked;
    };
    return { clock, path, pump, received, comes };
  }

  it('looks away while a long frame comes, and hands it on when it is whole', async () => {
    const { clock, path, pump, received, comes } = slowPump();
    expect(await comes()).toBe(9);
    expect(await comes()).toBeLessThan(6);
    expect(Buffer.concat(received)).toEqual(Buffer.concat([greeting, long, long]));
    path.come(long.subarray(0, 8000));
    expect(path.watched).toBe(false);
    await pump.end(new BridgeError('SESSION_ENDED', 'Over.'));
    expect(clock.pending).toBe(0);
  });

  it('looks until it has seen all that there is, so that it keeps up with a line that becomes faster', async () => {
    const { clock, path, pump, received, comes } = slowPump();
    await comes();
    path.come(Buffer.concat(Array(30).fill(long)));
    // What goes on evenly makes 64 KiB a millisecond at least.
    await clock.advance(31);
    expect(Buffer.concat(received).length).toBe(greeting.length + 31 * long.length);
    await pump.end(new BridgeError('SESSION_ENDED', 'Over.'));
  });
});

describe('a pump that takes the place of a longer way', () => {
  it('keeps the first traffic from the router so long, once, and leaves no timer', async () => {
    const { clock, pump, far, ownRouter } = onePump(75);
    const received: Buffer[] = [];
    ownRouter.on('data', (chunk: Buffer) => received.push(chunk));
    const said = () => Buffer.concat(received);
    const [greeting, announcement] = [handshake(), frame(4, Buffer.alloc(40, 1))];
    const traffic = trafficFrame({ source: keys.peerKey, destination: keys.ownKey });
    for (const each of [greeting, announcement, traffic, announcement, traffic]) {
      far.write(each);
      await settle();
    }
    await clock.advance(74);
    expect(said()).toEqual(Buffer.concat([greeting, announcement]));
    await clock.advance(1);
    const all = Buffer.concat([greeting, announcement, traffic, announcement, traffic]);
    expect(said()).toEqual(all);
    far.write(traffic);
    await settle();
    expect(said()).toEqual(Buffer.concat([all, traffic]));
    await pump.end(new BridgeError('SESSION_ENDED', 'Over.'));
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer when it ends meanwhile', async () => {
    const { clock, pump, far } = onePump(75);
    far.write(Buffer.concat([handshake(), trafficFrame({ source: keys.peerKey, destination: keys.ownKey })]));
    await settle();
    expect(clock.pending).toBeGreaterThan(1);
    await pump.end(new BridgeError('SESSION_ENDED', 'Over.'));
    expect(clock.pending).toBe(0);
  });
});
