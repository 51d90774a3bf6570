import { z } from 'zod';
import type { Files } from '../../core/files.js';
import { Journal } from '../../core/journal.js';
import type { Logger } from '../../core/logger.js';

const port = z.number().int().min(1).max(65_535);
const entrySchema = z.object({
  /** Name of the mapping protocol. */
  protocol: z.string().max(64),
  gateway: z.object({
    family: z.union([z.literal(4), z.literal(6)]),
    address: z.string().max(64),
    interface: z.string().max(64),
    own: z.string().max(64),
  }),
  transport: z.enum(['tcp', 'udp']),
  internalPort: port,
  externalPort: port,
  nonce: z.string().regex(/^[0-9a-f]{24}$/),
  /** When it ends by itself, in milliseconds since the Unix epoch; null for never. */
  expires: z.number().nullable(),
});

/** A mapping that was asked for, and may be there: all that it takes to remove it. */
export type JournalEntry = z.infer<typeof entrySchema>;

/** The mappings that we asked for. */
export type MappingJournal = Journal<JournalEntry>;

/** Opens `<name>.json` of a folder. @throws AgentError JOURNAL_UNWRITABLE */
export function openMappingJournal(folder: string, name: string, log: Logger, files?: Files): Promise<MappingJournal> {
  return Journal.open({
    folder,
    name,
    field: 'mappings',
    schema: entrySchema,
    keyOf,
    onCorrupt: (fields) => log.warn('journal.corrupt', fields),
    files,
  });
}

/** The external port is part of it: a mapping that moved may still be at the old one, too. */
function keyOf({ protocol, gateway, nonce, externalPort }: JournalEntry): string {
  return [protocol, gateway.address, nonce, externalPort].join(' ');
}
