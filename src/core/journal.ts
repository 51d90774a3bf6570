import { join } from 'node:path';
import { z } from 'zod';
import { AgentError } from './errors.js';
import { type Files, systemFiles } from './files.js';

/** A file holds no more than this. */
const mostEntries = 10_000;

export interface JournalOptions<Entry> {
  /** Made if need be. */
  readonly folder: string;
  /** The file is `<name>.json`. */
  readonly name: string;
  /** The field of the file that the entries stand in. */
  readonly field: string;
  readonly schema: z.ZodType<Entry>;
  /** What tells an entry from another. */
  readonly keyOf: (entry: Entry) => string;
  /** Told when the file made no sense and is now at `aside`. */
  readonly onCorrupt: (fields: { readonly file: string; readonly aside: string; readonly reason: string }) => void;
  /** @default those of the system */
  readonly files?: Files | undefined;
}

/** What we have set up with others, kept on disk so that a kill cannot leave it behind. */
export class Journal<Entry> {
  private writing: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  private constructor(
    private readonly file: JournalFile<Entry>,
    private readonly kept: Map<string, Entry>,
  ) {}

  /** A file that makes no sense is renamed to `<name>.json.corrupt`. @throws AgentError JOURNAL_UNWRITABLE */
  static async open<Entry>(options: JournalOptions<Entry>): Promise<Journal<Entry>> {
    const file = new JournalFile(options);
    return new Journal(file, new Map((await file.read()).map((entry) => [options.keyOf(entry), entry])));
  }

  /** Everything that was put and not yet deleted: right after opening, what an earlier run left behind. */
  entries(): readonly Entry[] {
    return [...this.kept.values()];
  }

  has(entry: Entry): boolean {
    return this.kept.has(this.file.keyOf(entry));
  }

  /** Resolves when the entry is on disk, in place of an earlier one. @throws AgentError JOURNAL_UNWRITABLE, and then it is not entered */
  async put(entry: Entry): Promise<void> {
    const key = this.file.keyOf(entry);
    const before = this.kept.get(key);
    if (before === entry) return;
    this.kept.set(key, entry);
    try {
      await this.save();
    } catch (error) {
      if (before === undefined) this.kept.delete(key);
      else this.kept.set(key, before);
      throw error;
    }
  }

  /** @throws AgentError JOURNAL_UNWRITABLE; the entry may come back after a restart then, which does no harm */
  async delete(entry: Entry): Promise<void> {
    if (this.kept.delete(this.file.keyOf(entry))) await this.save();
  }

  /** One write serves all changes made while the one before was under way. */
  private save(): Promise<void> {
    this.next ??= this.writing
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        this.writing = this.file.write(this.entries());
        return this.writing;
      });
    return this.next;
  }
}

class JournalFile<Entry> {
  readonly keyOf: (entry: Entry) => string;
  private readonly path: string;
  private readonly files: Files;

  constructor(private readonly options: JournalOptions<Entry>) {
    this.keyOf = options.keyOf;
    this.path = join(options.folder, `${options.name}.json`);
    this.files = options.files ?? systemFiles;
  }

  async read(): Promise<readonly Entry[]> {
    let text: string;
    try {
      await this.files.makeFolder(this.options.folder);
      text = await this.files.read(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw this.unwritable(error);
    }
    try {
      const { field, schema } = this.options;
      const whole = z.object({ version: z.literal(1), [field]: z.array(schema).max(mostEntries) });
      return whole.parse(JSON.parse(text))[field] as Entry[];
    } catch (cause) {
      await this.setAside((cause as Error).message);
      return [];
    }
  }

  async write(entries: readonly Entry[]): Promise<void> {
    const text = `${JSON.stringify({ version: 1, [this.options.field]: entries }, null, 2)}\n`;
    await this.files.replace(this.path, text).catch((error) => {
      throw this.unwritable(error);
    });
  }

  private async setAside(reason: string): Promise<void> {
    const aside = `${this.path}.corrupt`;
    await this.files.rename(this.path, aside).catch((error) => {
      throw this.unwritable(error);
    });
    this.options.onCorrupt({ file: this.path, aside, reason });
  }

  private unwritable(cause: unknown): AgentError {
    const message = `The journal ${this.path} cannot be used: ${(cause as Error).message}.`;
    return new AgentError('JOURNAL_UNWRITABLE', message, { cause });
  }
}
