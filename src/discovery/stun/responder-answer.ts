import codec from '#stun-codec';
import type { Endpoint } from '../../core/net.js';
import { decodeBindingRequest, encodeBindingResponse, encodeUnknownAttributes } from './responder-codec.js';

/** Where a request came in. */
export interface ResponderPlace {
  readonly local: Endpoint;
  /** The place with neither this address nor this port, when there is one (RFC 5780 §6). */
  readonly other?: Endpoint;
}

export interface Answer {
  readonly bytes: Uint8Array;
  /** Where to answer from, for datagrams: one of the four combinations of the addresses and ports. */
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/**
 * What to answer to a message; undefined for all that deserves no answer, junk included (RFC 8489 §6.3.1, RFC 5780 §6.1).
 * An answer is at most 92 bytes, to a request of 20 or more: it makes little of a forged source. Never throws.
 */
export function answerBinding(
  message: Uint8Array,
  { remote, place: { local, other }, transport }: { remote: Endpoint; place: ResponderPlace; transport: 'udp' | 'tcp' },
): Answer | undefined {
  if (message.length > maxRequestLength) return undefined;
  const request = decodeBindingRequest(message);
  if (!request) return undefined;
  const { transactionId, change, responsePort } = request;
  const { CHANGE_REQUEST, RESPONSE_PORT } = codec.attributeType;
  const elsewhere = transport === 'udp' && other !== undefined;
  const unknown = [...request.unknown];
  if (change && !elsewhere) unknown.push(CHANGE_REQUEST);
  // Well-known ports of a host are not to be sent what it did not ask for.
  if (responsePort !== undefined && (!elsewhere || responsePort < 1024)) unknown.push(RESPONSE_PORT);
  if (unknown.length > 0) return { bytes: encodeUnknownAttributes(transactionId, unknown), from: local, to: remote };
  const from = {
    address: (change?.address ? other?.address : undefined) ?? local.address,
    port: (change?.port ? other?.port : undefined) ?? local.port,
  };
  const bytes = encodeBindingResponse(transactionId, {
    // Scopes of link-local addresses are this machine's own names.
    mapped: { ...remote, address: remote.address.replace(/%.*/, '') },
    ...(other && { origin: from, other }),
  });
  return { bytes, from, to: { address: remote.address, port: responsePort ?? remote.port } };
}

/** Ours have 20 to 36 bytes; those with credentials and software names of others some hundred. */
const maxRequestLength = 548;
