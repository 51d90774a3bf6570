/** Methods of STUN and TURN, in 12 bits (RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1). */
export const method = {
  binding: 0x001, // RFC 8489 §3
  allocate: 0x003, // RFC 8656 §7
  refresh: 0x004, // RFC 8656 §8
  send: 0x006, // RFC 8656 §11, indication only
  data: 0x007, // RFC 8656 §11, indication only
  createPermission: 0x008, // RFC 8656 §10
  channelBind: 0x009, // RFC 8656 §12
  connect: 0x00a, // RFC 6062 §4.3
  connectionBind: 0x00b, // RFC 6062 §4.3
  connectionAttempt: 0x00c, // RFC 6062 §4.4, indication only
} as const;
export type Method = (typeof method)[keyof typeof method];

/** Classes of messages, as the two bits of the type (RFC 8489 §5). */
export const messageClass = { request: 0, indication: 1, success: 2, error: 3 } as const;
export type MessageClass = (typeof messageClass)[keyof typeof messageClass];

/** Attributes and what their values hold. Types below 0x8000 must be understood (RFC 8489 §14). */
export const attribute = {
  mappedAddress: 0x0001, // RFC 8489 §14.1: address
  username: 0x0006, // RFC 8489 §14.3: UTF-8, below 509 bytes
  messageIntegrity: 0x0008, // RFC 8489 §14.5: HMAC-SHA1, 20 bytes
  errorCode: 0x0009, // RFC 8489 §14.8: class, number, reason
  channelNumber: 0x000c, // RFC 8656 §18.1: u16, 2 zero bytes
  lifetime: 0x000d, // RFC 8656 §18.2: u32, seconds
  xorPeerAddress: 0x0012, // RFC 8656 §18.3: XORed address
  data: 0x0013, // RFC 8656 §18.4: bytes
  realm: 0x0014, // RFC 8489 §14.9: UTF-8, below 763 bytes
  nonce: 0x0015, // RFC 8489 §14.10: bytes, below 763
  xorRelayedAddress: 0x0016, // RFC 8656 §18.5: XORed address
  requestedAddressFamily: 0x0017, // RFC 8656 §18.6: u8, 3 zero bytes
  requestedTransport: 0x0019, // RFC 8656 §18.7: u8 protocol number, 3 zero bytes
  xorMappedAddress: 0x0020, // RFC 8489 §14.2: XORed address
  connectionId: 0x002a, // RFC 6062 §6.2.1: u32
  alternateDomain: 0x8003, // RFC 8489 §14.16: UTF-8, the name in the certificate of the alternate server
  alternateServer: 0x8023, // RFC 8489 §14.15: address
  fingerprint: 0x8028, // RFC 8489 §14.7: CRC-32 XOR 0x5354554e
} as const;

/** Values of REQUESTED-TRANSPORT: numbers of IP protocols. */
export const transportProtocol = { tcp: 6, udp: 17 } as const;

/** Value of REQUESTED-ADDRESS-FAMILY that is not what a server takes anyway. */
export const addressFamilyIPv6 = 2;

/** Second word of every message (RFC 8489 §5). */
export const magicCookie = 0x2112a442;
export const headerLength = 20;
export const transactionIdLength = 12;
