import type { RouterPeer } from '../router.js';
import { Unfamiliar } from './json-cursor.js';
import { readReply } from './reply-reader.js';
import { parsePeer } from './schemas.js';

/**
 * Reads a reply to getPeers an entry at a time. A router with a thousand bridges has as many peers, and a tree of all their objects lives long
 * enough for V8 to take it for something that stays: 1.7 MB a minute of an agent that rests.
 * @param reply the whole reply, JSON in UTF-8
 * @param wanted which of the peers are asked for
 * @returns undefined for a reply that is not plainly a success as yggdrasil writes it, which is for `parsePeers` to judge
 */
export function readPeers(reply: Uint8Array, wanted: (peer: RouterPeer) => boolean): readonly RouterPeer[] | undefined {
  return readReply(reply, 'peers', (cursor) => {
    const peers: RouterPeer[] = [];
    if (cursor.enter('['))
      do {
        const peer = parsePeer(parseEntry(cursor.object()));
        if (!peer) throw new Unfamiliar();
        if (wanted(peer)) peers.push(peer);
      } while (cursor.more(']'));
    return peers;
  });
}

function parseEntry(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unfamiliar();
  }
}
