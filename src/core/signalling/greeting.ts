import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { SignallingError } from '../errors.js';
import type { ByteStream } from '../net.js';
import { addressOf } from '../overlay-address.js';
import type { Random } from '../random.js';
import { SignallingLink } from './link.js';
import { MessageStream } from './message-stream.js';
import { feature, type MessageOf, protocolVersion } from './messages.js';

/** How long the peer may take to say hello, in milliseconds. */
const helloDeadlineMs = 10_000;

export interface Greeting {
  /** What we say of ourselves. */
  readonly hello: Omit<MessageOf<'hello'>, 'type' | 'protocol'>;
  /** The overlay address at the other end, canonical. */
  readonly remote: string;
  readonly dialled: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Last word on whether the peer is welcome, once its key is known. @param visits it comes for services alone @throws SignallingError when it is not */
  admit(key: string, visits: boolean): void;
}

/** Exchanges hello on a fresh stream. @returns the link @throws SignallingError; the stream is closed then */
export async function greet(stream: ByteStream, greeting: Greeting): Promise<SignallingLink> {
  const { clock, random, remote, dialled, signal } = greeting;
  let link: SignallingLink | undefined;
  let answered: (link: SignallingLink) => void;
  let failed: (error: unknown) => void;
  const answer = new Promise<SignallingLink>((resolve, reject) => {
    answered = resolve;
    failed = reject;
  });
  const messages = new MessageStream(stream, clock, {
    onMessage(message) {
      if (link) return link.receive(message);
      try {
        if (message.type === 'bye') throw new SignallingError('PEER_LEFT', `The peer’s agent turned us away: ${message.reason}.`);
        if (message.type !== 'hello') throw new SignallingError('SIGNALLING_MALFORMED', `The peer began with ${message.type}.`);
        verify(message, greeting);
        const identity = {
          peer: { key: message.key, address: remote },
          role: greeting.hello.key < message.key ? ('controlling' as const) : ('controlled' as const),
          ownKey: greeting.hello.key,
          agentVersion: message.agent,
          strategies: message.strategies,
          features: message.features.filter((name) => greeting.hello.features.includes(name)),
          dialled,
          held: message.features.includes(feature.hold),
          visits: message.features.includes(feature.visit),
        };
        link = new SignallingLink(identity, messages, clock, random);
        answered(link);
      } catch (error) {
        failed(error);
      }
      return undefined;
    },
    onClose(error) {
      const reason = error ?? new SignallingError('SIGNALLING_CLOSED', 'The peer closed the signalling connection.');
      link?.finish(reason);
      failed(reason);
    },
  });
  messages.send({ type: 'hello', protocol: protocolVersion, ...greeting.hello });
  try {
    return await withDeadline(answer, {
      clock,
      timeoutMs: helloDeadlineMs,
      signal,
      expired: () => new SignallingError('SIGNALLING_TIMEOUT', `${remote} did not say hello within ${helloDeadlineMs / 1000} s.`),
    });
  } catch (error) {
    messages.send({ type: 'bye', reason: error instanceof SignallingError ? error.message : 'this end is leaving' });
    messages.close();
    throw error;
  }
}

function verify(hello: MessageOf<'hello'>, { remote, admit, hello: own }: Greeting): void {
  if (hello.protocol !== protocolVersion) {
    throw new SignallingError(
      'SIGNALLING_VERSION',
      `${remote} speaks version ${hello.protocol} of the protocol, this agent ${protocolVersion}.`,
    );
  }
  if (hello.key === own.key || addressOf(hello.key) !== remote) {
    throw new SignallingError('SIGNALLING_IDENTITY', `${remote} claims the key ${hello.key}, whose address is another.`);
  }
  admit(hello.key, hello.features.includes(feature.visit));
}
