import type { Clock } from '../../core/clock.js';
import type { ByteStream, Endpoint } from '../../core/net.js';
import { RateLimit } from '../../core/rate-limit.js';
import { answerBinding } from '../../discovery/stun/responder-answer.js';
import { serveTcp } from '../../discovery/stun/responder-tcp.js';
import { tellTime } from '../../discovery/stun/time-attribute.js';

/** How long a connection may be silent, in milliseconds. */
const idleMs = 5000;
/** Requests that one source is answered; a survey makes eighteen, of a relay that may be asked by a whole network behind one address. */
const perSource = { perSecond: 80, burst: 240, sources: 4096 };

/** Answers a relay's Binding requests, with the time where it is asked for: by that others measure how far away the relay is. */
export class StunAnswers {
  answered = 0;
  private readonly rate: RateLimit;

  constructor(private readonly clock: Clock) {
    this.rate = new RateLimit({ clock, ...perSource });
  }

  /** Serves a connection to its end. */
  serve(stream: ByteStream): void {
    const remote = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 };
    const local = { address: stream.localAddress ?? '', port: stream.localPort ?? 0 };
    serveTcp(stream, { clock: this.clock, idleMs, answer: (message) => this.answer(message, local, remote, 'tcp') });
  }

  /** The answer to a request; undefined to anything else, and to what is too much for one source. */
  answer(request: Uint8Array, local: Endpoint, remote: Endpoint, transport: 'udp' | 'tcp'): Uint8Array | undefined {
    const heardAt = this.clock.now();
    if (remote.port === 0 || !this.rate.take(remote.address)) return undefined;
    const answer = answerBinding(request, { remote, place: { local }, transport });
    if (!answer) return undefined;
    this.answered += 1;
    return tellTime(request, answer.bytes, heardAt);
  }
}
