import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import codec from '#stun-codec';
import type { Endpoint } from '../../core/net.js';

/** Length of the header that every STUN message begins with (RFC 8489 §5). */
export const headerLength = 20;
export const transactionIdLength = 12;

/** What a server says: the address it saw, or why it would not tell. */
export type BindingAnswer = { readonly mapped: Endpoint } | { readonly refused: string };

/** A Binding request (RFC 8489 §3) without attributes. @param transactionId 12 unpredictable bytes */
export function encodeBindingRequest(transactionId: Uint8Array): Uint8Array {
  return codec.encode(codec.createMessage(codec.messageType.BINDING_REQUEST, Buffer.from(transactionId)));
}

/**
 * The answer to the request with this transaction id; undefined for anything else, junk included. Never throws.
 * XOR-MAPPED-ADDRESS (RFC 8489 §14.2) comes before MAPPED-ADDRESS (§14.1), which some gateways rewrite.
 */
export function decodeBindingResponse(bytes: Uint8Array, transactionId: Uint8Array): BindingAnswer | undefined {
  try {
    const message = codec.decode(Buffer.from(bytes));
    if (message.isLegacy() || !message.transactionId.equals(transactionId)) return undefined;
    const { messageType, attributeType } = codec;
    if (message.type === messageType.BINDING_ERROR_RESPONSE) {
      // The codec computes the number of the error wrongly; its reason phrase is right.
      const { reason } = (message.getAttribute(attributeType.ERROR_CODE)?.value ?? {}) as { reason?: unknown };
      return { refused: typeof reason === 'string' && reason !== '' ? reason : 'the server gave no reason' };
    }
    if (message.type !== messageType.BINDING_RESPONSE) return undefined;
    const mapped =
      endpointOf(message.getAttribute(attributeType.XOR_MAPPED_ADDRESS)?.value) ??
      endpointOf(message.getAttribute(attributeType.MAPPED_ADDRESS)?.value);
    return mapped && { mapped };
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

const magicCookie = 0x2112a442;

function endpointOf(value: unknown): Endpoint | undefined {
  const { address, port } = (value ?? {}) as { address?: unknown; port?: unknown };
  if (typeof address !== 'string' || typeof port !== 'number' || isIP(address) === 0) return undefined;
  return port >= 1 && port <= 65_535 ? { address: ipaddr.process(address).toString(), port } : undefined;
}
