import { join } from 'node:path';
import { z } from 'zod';
import { AgentError } from '../../core/errors.js';
import { type Files, systemFiles } from '../../core/files.js';
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
const fileSchema = z.object({ version: z.literal(1), mappings: z.array(entrySchema).max(10_000) });

/** A mapping that was asked for, and may be there: all that it takes to remove it. */
export type JournalEntry = z.infer<typeof entrySchema>;

/** The mappings that we asked for, kept on disk so that a kill cannot leave them behind. */
export class MappingJournal {
  private writing: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  private constructor(
    private readonly files: Files,
    private readonly file: string,
    private readonly mappings: Map<string, JournalEntry>,
  ) {}

  /**
   * Reads `<name>.json` of a folder, which is made if need be. A file that makes no sense is renamed to `<name>.json.corrupt`.
   * @throws AgentError JOURNAL_UNWRITABLE
   */
  static async open(folder: string, name: string, log: Logger, files = systemFiles): Promise<MappingJournal> {
    const file = join(folder, `${name}.json`);
    let text: string;
    try {
      await files.makeFolder(folder);
      text = await files.read(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new MappingJournal(files, file, new Map());
      throw unwritable(file, error);
    }
    try {
      const { mappings } = fileSchema.parse(JSON.parse(text));
      return new MappingJournal(files, file, new Map(mappings.map((entry) => [keyOf(entry), entry])));
    } catch (cause) {
      const aside = `${file}.corrupt`;
      await files.rename(file, aside).catch((error) => {
        throw unwritable(file, error);
      });
      log.warn('journal.corrupt', { file, aside, reason: (cause as Error).message });
      return new MappingJournal(files, file, new Map());
    }
  }

  /** Right after opening: what an earlier run left behind. */
  entries(): readonly JournalEntry[] {
    return [...this.mappings.values()];
  }

  /** Resolves when the entry is on disk, in place of an earlier one of the same mapping. @throws AgentError JOURNAL_UNWRITABLE */
  async put(entry: JournalEntry): Promise<void> {
    const key = keyOf(entry);
    const before = this.mappings.get(key);
    this.mappings.set(key, entry);
    try {
      await this.save();
    } catch (error) {
      if (before) this.mappings.set(key, before);
      else this.mappings.delete(key);
      throw error;
    }
  }

  /** @throws AgentError JOURNAL_UNWRITABLE; the entry may come back after a restart then, which does no harm */
  async delete(entry: JournalEntry): Promise<void> {
    if (this.mappings.delete(keyOf(entry))) await this.save();
  }

  /** One write serves all changes made while the one before was under way. */
  private save(): Promise<void> {
    this.next ??= this.writing
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        const text = `${JSON.stringify({ version: 1, mappings: this.entries() }, null, 2)}\n`;
        this.writing = this.files.replace(this.file, text).catch((error) => {
          throw unwritable(this.file, error);
        });
        return this.writing;
      });
    return this.next;
  }
}

/** The external port is part of it: a mapping that moved may still be at the old one, too. */
function keyOf({ protocol, gateway, nonce, externalPort }: JournalEntry): string {
  return [protocol, gateway.address, nonce, externalPort].join(' ');
}

function unwritable(file: string, cause: unknown): AgentError {
  return new AgentError('JOURNAL_UNWRITABLE', `The journal ${file} cannot be used: ${(cause as Error).message}.`, { cause });
}
