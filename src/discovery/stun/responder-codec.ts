import codec from '#stun-codec';
import type { Endpoint } from '../../core/net.js';
import { type ChangeRequest, changeAddress, changePort, messageLength } from './codec.js';

/** A Binding request as a server reads it. */
export interface BindingRequest {
  readonly transactionId: Uint8Array;
  /** CHANGE-REQUEST (RFC 5780 §7.2), whatever its flags. */
  readonly change?: ChangeRequest;
  /** RESPONSE-PORT (RFC 5780 §7.5). */
  readonly responsePort?: number;
  /** Attributes that a server must understand and this one does not (RFC 8489 §6.3.1). */
  readonly unknown: readonly number[];
}

/** What a server tells in a success response. */
export interface BindingReport {
  readonly mapped: Endpoint;
  /** RESPONSE-ORIGIN (RFC 5780 §7.3). */
  readonly origin?: Endpoint;
  /** OTHER-ADDRESS (RFC 5780 §7.4). */
  readonly other?: Endpoint;
}

/** Reads a Binding request; undefined for anything else, junk and RFC 3489 included. Never throws. */
export function decodeBindingRequest(bytes: Uint8Array): BindingRequest | undefined {
  if (messageLength(bytes) !== bytes.length) return undefined;
  try {
    const message = codec.decode(Buffer.from(bytes));
    if (message.type !== messageType.BINDING_REQUEST) return undefined;
    const number = (type: number) => {
      const value = message.getAttribute(type)?.value;
      return typeof value === 'number' ? value : undefined;
    };
    const [flags, responsePort] = [number(attributeType.CHANGE_REQUEST), number(attributeType.RESPONSE_PORT)];
    const unknown = [...message].map(({ type }) => type).filter((type) => type < firstOptional && !understood.has(type));
    return {
      transactionId: message.transactionId,
      ...(flags === undefined ? {} : { change: { address: (flags & changeAddress) !== 0, port: (flags & changePort) !== 0 } }),
      ...(responsePort === undefined ? {} : { responsePort }),
      unknown: [...new Set(unknown)].slice(0, maxUnknown),
    };
  } catch {
    return undefined;
  }
}

/** A success response (RFC 8489 §6.3.1). It is kept short, so that little is to be gained from a forged source. */
export function encodeBindingResponse(transactionId: Uint8Array, { mapped, origin, other }: BindingReport): Uint8Array {
  const message = codec.createMessage(messageType.BINDING_RESPONSE, Buffer.from(transactionId));
  message.addAttribute(attributeType.XOR_MAPPED_ADDRESS, mapped.address, mapped.port);
  if (origin) message.addAttribute(attributeType.RESPONSE_ORIGIN, origin.address, origin.port);
  if (other) message.addAttribute(attributeType.OTHER_ADDRESS, other.address, other.port);
  return codec.encode(message);
}

/** The error 420, Unknown Attribute (RFC 8489 §14.8), which names what was not understood (§14.9). */
export function encodeUnknownAttributes(transactionId: Uint8Array, types: readonly number[]): Uint8Array {
  const message = codec.createMessage(messageType.BINDING_ERROR_RESPONSE, Buffer.from(transactionId));
  message.addAttribute(attributeType.ERROR_CODE, 420, 'Unknown Attribute');
  message.addAttribute(attributeType.UNKNOWN_ATTRIBUTES, [...types]);
  return codec.encode(message);
}

const { messageType, attributeType } = codec;
/** Attributes below must be understood (RFC 8489 §14). */
const firstOptional = 0x8000;
/** More are not listed, lest an answer outgrow its question. */
const maxUnknown = 8;
/** Of RFC 8489 §18.3; who asks with credentials is answered without. And of RFC 5780, which the responder decides on. */
const understood = new Set([
  ...[0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020],
  ...[attributeType.CHANGE_REQUEST, attributeType.RESPONSE_PORT],
]);
