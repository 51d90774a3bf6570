import { AdminError } from '../errors.js';

/** What the router knows a peering by: its URI without the query (links.urlForLinkInfo), which holds its key and password. */
export type PeerIdentity = string;

// Exactly what Go's url.URL.String() gives back unchanged, so that getPeers lists the peering under the same text.
const pattern = /^([a-z][a-z0-9+.-]*:\/\/(?:[\w.~!$&'()*+,;=:@/[\]-]|%[0-9A-Fa-f]{2})+)(\?[\x21\x22\x24-\x7e]+)?$/;

/** @throws AdminError PEER_URI_INVALID when the router would know the peering by another text */
export function peerIdentity(uri: string): PeerIdentity {
  const identity = pattern.exec(uri)?.[1];
  if (identity === undefined) {
    throw new AdminError('PEER_URI_INVALID', `“${withoutQuery(uri)}” cannot be a peer’s URI: it is not percent-encoded.`);
  }
  return identity;
}

/** Anything that may be shown of a URI, or of text that quotes it. */
function withoutQuery(uri: string): string {
  return uri.replace(/\?.*$/s, '');
}
