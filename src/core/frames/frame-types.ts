/**
 * What two routers say to each other on a link, since yggdrasil 0.5: each a link handshake, then frames of
 * `uvarint length | type | body`, where the length counts the type (ironwood, network/wire.go and peers.go).
 */
export const frameType = {
  keepAlive: 1,
  /** Asks the other router for its consent to be its parent in the tree, and gives it. Without both the link is no part of the tree. */
  signatureRequest: 2,
  signatureResponse: 3,
  /** Packets of sessions: two paths, the keys of source and destination, and what only those two can read. */
  traffic: 9,
  /** Ours, from agent to agent; routers end at 9 and never see it. */
  agent: 0xff,
} as const;

/** The longest frame a router accepts, in bytes (yggdrasil, src/core/core.go, WithPeerMaxMessageSize). */
export const maxFrameBytes = 2 * 65_535;
/** The longest frame of our own, in bytes. */
export const maxAgentFrameBytes = 512;

/** The link handshake: these four letters, the length of the rest in 16 bits, fields and a signature of 64 bytes (src/core/version.go). */
export const handshakeMagic = Buffer.from('meta');
export const minHandshakeBytes = 64;

/** A whole frame, type and all, that says no more than that its sender lives. */
export const keepAliveFrame = Buffer.from([1, frameType.keepAlive]);
