import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import codec from '#stun-codec';
import type { Endpoint } from '../../core/net.js';

/** Length of the header that every STUN message begins with (RFC 8489 §5). */
export const headerLength = 20;
export const transactionIdLength = 12;

/** Flags of CHANGE-REQUEST (RFC 5780 §7.2): from where else the server is to answer. */
export interface ChangeRequest {
  readonly address: boolean;
  readonly port: boolean;
}

/** What a request may ask beside the address. */
export interface BindingQuestion {
  /** Answer from elsewhere. */
  readonly change?: ChangeRequest;
  /** Answer to this port of the address that asks, 1 to 65535 (RESPONSE-PORT, RFC 5780 §7.5). */
  readonly responsePort?: number;
}

export interface BindingSuccess {
  readonly mapped: Endpoint;
  /** Where the server says that it answers from (RESPONSE-ORIGIN, RFC 5780 §7.3). */
  readonly origin?: Endpoint;
  /** Where else the server answers (OTHER-ADDRESS, RFC 5780 §7.4). */
  readonly other?: Endpoint;
}

/** What a server says: the address it saw, or why it would not tell. */
export type BindingAnswer = BindingSuccess | { readonly refused: string };

/** A Binding request (RFC 8489 §3). @param transactionId 12 unpredictable bytes */
export function encodeBindingRequest(transactionId: Uint8Array, { change, responsePort }: BindingQuestion = {}): Uint8Array {
  const message = codec.createMessage(messageType.BINDING_REQUEST, Buffer.from(transactionId));
  if (change) {
    message.addAttribute(attributeType.CHANGE_REQUEST, (change.address ? changeAddress : 0) | (change.port ? changePort : 0));
  }
  if (responsePort !== undefined) message.addAttribute(attributeType.RESPONSE_PORT, responsePort);
  return codec.encode(message);
}

/**
 * The answer to the request with this transaction id; undefined for anything else, junk included. Never throws.
 * XOR-MAPPED-ADDRESS (RFC 8489 §14.2) comes before MAPPED-ADDRESS (§14.1), which some gateways rewrite.
 */
export function decodeBindingResponse(bytes: Uint8Array, transactionId: Uint8Array): BindingAnswer | undefined {
  try {
    const message = codec.decode(Buffer.from(bytes));
    if (message.isLegacy() || !message.transactionId.equals(transactionId)) return undefined;
    if (message.type === messageType.BINDING_ERROR_RESPONSE) {
      // The codec computes the number of the error wrongly; its reason phrase is right.
      const { reason } = (message.getAttribute(attributeType.ERROR_CODE)?.value ?? {}) as { reason?: unknown };
      return { refused: typeof reason === 'string' && reason !== '' ? reason : 'the server gave no reason' };
    }
    if (message.type !== messageType.BINDING_RESPONSE) return undefined;
    const endpoint = (type: number) => endpointOf(message.getAttribute(type)?.value);
    const mapped = endpoint(attributeType.XOR_MAPPED_ADDRESS) ?? endpoint(attributeType.MAPPED_ADDRESS);
    if (!mapped) return undefined;
    const [origin, other] = [endpoint(attributeType.RESPONSE_ORIGIN), endpoint(attributeType.OTHER_ADDRESS)];
    return { mapped, ...(origin && { origin }), ...(other && { other }) };
  } catch {
    return undefined;
  }
}

/** Length in bytes of the message that begins with this header; undefined when no STUN message begins so (RFC 8489 §5). */
export function messageLength(header: Uint8Array): number | undefined {
  if (header.length < headerLength) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const bodyLength = view.getUint16(2);
  const isStun = view.getUint8(0) < 0x40 && bodyLength % 4 === 0 && view.getUint32(4) === magicCookie;
  return isStun ? headerLength + bodyLength : undefined;
}

/** The transaction id, in hex, of a datagram that has the form of an answer to a Binding request; undefined for any other. */
export function responseTransactionId(datagram: Uint8Array): string | undefined {
  if (messageLength(datagram) !== datagram.length) return undefined;
  const { BINDING_RESPONSE, BINDING_ERROR_RESPONSE } = messageType;
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (![BINDING_RESPONSE, BINDING_ERROR_RESPONSE].includes(bytes.readUInt16BE(0))) return undefined;
  return bytes.toString('hex', headerLength - transactionIdLength, headerLength);
}

const { messageType, attributeType } = codec;
const magicCookie = 0x2112a442;
/** RFC 5780 §7.2, the bits called A and B. */
export const changeAddress = 0x4;
export const changePort = 0x2;

function endpointOf(value: unknown): Endpoint | undefined {
  const { address, port } = (value ?? {}) as { address?: unknown; port?: unknown };
  if (typeof address !== 'string' || typeof port !== 'number' || isIP(address) === 0) return undefined;
  return port >= 1 && port <= 65_535 ? { address: ipaddr.process(address).toString(), port } : undefined;
}
