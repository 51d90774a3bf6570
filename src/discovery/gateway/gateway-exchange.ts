import type { Timer } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { Gateway } from './default-gateway.js';
import type { CallOptions } from './mapping-protocol.js';

/** The first retransmission, in milliseconds; each later one waits twice as long (RFC 6886 §3.1). */
const firstRetryMs = 250;

export interface Exchange<Answer> extends CallOptions {
  readonly gateway: Gateway;
  /** Ports of the gateway, or of a group it listens to, and what to send there. */
  readonly send: readonly { readonly to: Endpoint; readonly packet: Uint8Array }[];
  /** What a datagram of the gateway's means; undefined when it is no answer. May throw to end the exchange. */
  readonly read: (packet: Buffer, from: Endpoint) => Answer | undefined;
  /** What is asked, for messages. */
  readonly what: string;
}

/**
 * Sends a request until it is answered, from our address towards the gateway and from a port of its own. Datagrams from anyone
 * but the gateway are not looked at.
 * @throws StrategyError MAPPING_TIMEOUT, or the signal's reason, or what `read` threw
 */
export async function exchange<Answer>(options: Exchange<Answer>): Promise<Answer> {
  const { gateway, send, read, services, timeoutMs, signal, what } = options;
  const { net, clock } = services;
  signal.throwIfAborted();
  let take: (packet: Buffer, from: Endpoint) => void = () => {};
  const socket = await net.bindUdp({
    local: { address: gateway.own, port: 0 },
    onMessage: (packet, from) => {
      if (from.address === gateway.address) take(packet, from);
    },
  });
  let end = () => {};
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const onAbort = () => reject(signal.reason as Error);
      const late = () =>
        new StrategyError('MAPPING_TIMEOUT', `${gateway.address} did not answer ${what} within ${timeoutMs} ms.`);
      const deadline = clock.setTimer(timeoutMs, () => reject(late()));
      let retry: Timer | undefined;
      const transmit = (retryMs: number) => {
        for (const { to, packet } of send) socket.send(packet, to);
        retry = clock.setTimer(retryMs, () => transmit(retryMs * 2));
      };
      end = () => {
        deadline.cancel();
        retry?.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      take = (packet, from) => {
        try {
          const answer = read(packet, from);
          if (answer !== undefined) resolve(answer);
        } catch (error) {
          reject(error as Error);
        }
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      transmit(firstRetryMs);
      return undefined;
    });
  } finally {
    end();
    await socket.close();
  }
}
