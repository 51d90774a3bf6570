import type { ErrorCode } from '../../../core/error-catalogue.js';
import { StrategyError } from '../../../core/errors.js';
import type { Endpoint } from '../../../core/net.js';

/** What the error codes of TURN mean for whoever asked (RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3). */
const meanings: Readonly<Record<number, readonly [code: ErrorCode, meaning: string]>> = {
  300: ['TURN_REDIRECTED', 'it sends its clients to another server, which is not followed'],
  401: ['TURN_UNAUTHORIZED', 'it does not know this user and secret'],
  403: ['TURN_FORBIDDEN', 'it may not relay to or from that address'],
  437: ['TURN_ALLOCATION_LOST', 'it does not know the allocation'],
  438: ['TURN_UNAUTHORIZED', 'it found every nonce stale'],
  441: ['TURN_UNAUTHORIZED', 'the allocation was made by another user'],
  442: ['TURN_NO_TCP_RELAY', 'it does not relay over this transport'],
  440: ['TURN_FORBIDDEN', 'it relays over the other IP family only'],
  443: ['TURN_FORBIDDEN', 'the relayed address is of the other IP family'],
  446: ['TURN_CONNECT_FAILED', 'there is such a connection already'],
  447: ['TURN_CONNECT_FAILED', 'it could not connect to that address'],
  486: ['TURN_QUOTA_REACHED', 'this user has as many allocations as it may'],
  508: ['TURN_FULL', 'it has no address or port left'],
};

/** Where a server would have its clients go instead (RFC 8489 §10). */
export interface Alternate {
  readonly endpoint: Endpoint;
  /** Name in its certificate, if that is another one. */
  readonly domain?: string | undefined;
}

/** A TURN server said no. */
export class TurnRefusal extends StrategyError {
  constructor(
    /** Number of the error, 300 to 699. */
    readonly status: number,
    server: string,
    reason: string,
    readonly alternate?: Alternate | undefined,
  ) {
    const [code, meaning] = meanings[status] ?? (['TURN_REFUSED', 'the request cannot be served'] as const);
    super(code, `The TURN server ${server} answered ${status}${reason === '' ? '' : ` (${reason.slice(0, 128)})`}: ${meaning}.`);
  }
}

export function turnUnreachable(server: string, why: string, cause?: unknown): StrategyError {
  return new StrategyError('TURN_UNREACHABLE', `The TURN server ${server} cannot be used: ${why}.`, { cause });
}
