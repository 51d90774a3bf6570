import { z } from 'zod';
import type { EventSource } from '../events.js';
import type { Files } from '../files.js';
import { Journal } from '../journal.js';
import { type PeerIdentity, peerIdentity } from './peer-uri.js';

/**
 * The peerings that we added. They are written without their query: that is what the router knows them by, and the query
 * holds passwords.
 */
export type PeerJournal = Journal<PeerIdentity>;

/** Opens `peers.json` of a folder. @throws AgentError JOURNAL_UNWRITABLE */
export function openPeerJournal(folder: string, events: EventSource, files?: Files): Promise<PeerJournal> {
  return Journal.open({
    folder,
    name: 'peers',
    field: 'peers',
    schema: z.string().max(4096).transform(peerIdentity),
    keyOf: (peer) => peer,
    onCorrupt: (fields) => events.publish('log', { level: 'warn', name: 'journal.corrupt', fields }),
    files,
  });
}
