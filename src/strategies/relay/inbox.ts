import { StrategyError } from '../../core/errors.js';
import type { AttemptChannel } from '../../core/strategy.js';
import { parseRelayMessage, type RelayMessage, type RelayMessageOf } from './messages.js';

/** The peer's messages by what they are about, so that several parts of an attempt can wait for theirs. */
export class Inbox {
  private readonly arrived = new Map<string, RelayMessage>();
  private readonly waiting = new Map<string, ((message: RelayMessage) => void)[]>();
  private readonly failed: Promise<never>;

  /** Reads the channel until it rejects. */
  constructor(channel: AttemptChannel) {
    this.failed = this.read(channel);
    // Whoever waits hears of it; there may be nobody.
    this.failed.catch(() => {});
  }

  /** The message of that type, and of that step where there are several. Rejects when the channel does. */
  async take<Type extends RelayMessage['type']>(type: Type, step?: number): Promise<RelayMessageOf<Type>> {
    const topic = topicOf(type, step);
    const known = this.arrived.get(topic);
    const message = known ?? (await Promise.race([this.next(topic), this.failed]));
    return message as RelayMessageOf<Type>;
  }

  private next(topic: string): Promise<RelayMessage> {
    return new Promise((resolve) => this.waiting.set(topic, [...(this.waiting.get(topic) ?? []), resolve]));
  }

  private async read(channel: AttemptChannel): Promise<never> {
    for (;;) {
      const message = parseRelayMessage(await channel.receive());
      if (!message) throw new StrategyError('RELAY_MESSAGE_INVALID', 'The peer sent a message about relays that is not valid.');
      const topic = topicOf(message.type, 'step' in message ? message.step : undefined);
      // The first counts, so that a peer that repeats itself fills no memory.
      if (this.arrived.has(topic)) continue;
      this.arrived.set(topic, message);
      for (const resolve of this.waiting.get(topic) ?? []) resolve(message);
      this.waiting.delete(topic);
    }
  }
}

function topicOf(type: string, step: number | undefined): string {
  return step === undefined ? type : `${type} ${step}`;
}
