import { systemClock } from '../../src/core/clock.js';
import { Proofs } from '../../src/core/proof.js';
import { systemRandom } from '../../src/core/random.js';
import type { AttemptChannel, Path, Role, Strategy } from '../../src/core/strategy.js';

export interface Attempts {
  readonly run: Readonly<Record<Role, Promise<Path>>>;
  /** Calls both off. */
  readonly abort: AbortController;
}

/** Runs one attempt of a strategy at both ends, as two agents do. */
export function attemptAtBothEnds(strategies: Readonly<Record<Role, Strategy>>): Attempts {
  const abort = new AbortController();
  const channels = channelPair(abort.signal);
  const secret = systemRandom.bytes(32);
  const start = (role: Role) => {
    const proofs = new Proofs(role, secret, systemClock, abort.signal);
    return strategies[role].attempt({
      signal: abort.signal,
      role,
      peer: { key: '', address: '' },
      secret,
      overlayRttMs: 100,
      channel: channels[role],
      prove: (stream, options) => proofs.prove(stream, options),
    });
  };
  return { run: { controlling: start('controlling'), controlled: start('controlled') }, abort };
}

function channelPair(signal: AbortSignal): Record<Role, AttemptChannel> {
  const ends = { controlling: new End(signal), controlled: new End(signal) };
  const channel = (own: End, other: End): AttemptChannel => ({
    send: async (message) => other.put(JSON.parse(JSON.stringify(message))),
    receive: () => own.get(),
  });
  return { controlling: channel(ends.controlling, ends.controlled), controlled: channel(ends.controlled, ends.controlling) };
}

class End {
  private readonly messages: unknown[] = [];
  private readonly readers: ((message: unknown) => void)[] = [];
  constructor(private readonly signal: AbortSignal) {}

  put(message: unknown): void {
    const reader = this.readers.shift();
    if (reader) reader(message);
    else this.messages.push(message);
  }

  get(): Promise<unknown> {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return new Promise((resolve, reject) => {
      this.readers.push(resolve);
      this.signal.addEventListener('abort', () => reject(this.signal.reason as Error), { once: true });
    });
  }
}
