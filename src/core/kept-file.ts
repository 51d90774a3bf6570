import path from 'node:path';
import type { z } from 'zod';
import { describeError } from './errors.js';
import { type Files, systemFiles } from './files.js';
import type { Logger } from './logger.js';

/** Where kept files are, and who hears of one that cannot be used. */
export interface KeptFilePlace {
  /** Made if need be. */
  readonly stateDir: string;
  /** @default those of the system */
  readonly files?: Files | undefined;
  readonly log: Logger;
}

/** What an agent keeps over restarts because it saves time, as private JSON: a file that cannot be used is told of once, and not missed. */
export class KeptFile<Content> {
  private readonly file: string;
  private readonly files: Files;
  private writing: Promise<void> = Promise.resolve();
  private told = false;

  /** @param name the file is `<name>.json` of the state folder */
  constructor(
    name: string,
    private readonly schema: z.ZodType<Content>,
    private readonly place: KeptFilePlace,
  ) {
    this.file = path.join(place.stateDir, `${name}.json`);
    this.files = place.files ?? systemFiles;
  }

  /** Undefined where there is nothing that can be used. Never rejects. */
  async read(): Promise<Content | undefined> {
    try {
      return this.schema.parse(JSON.parse(await this.files.read(this.file)));
    } catch (error) {
      if (describeError(error).code !== 'ENOENT') this.tell(error);
      return undefined;
    }
  }

  /** Replaces the whole, after what was written before. Resolves when it is on disk, as far as the disk allows. */
  write(content: Content): Promise<void> {
    const text = JSON.stringify(content);
    this.writing = this.writing.then(() => this.replace(text)).catch((error: unknown) => this.tell(error));
    return this.writing;
  }

  private async replace(text: string): Promise<void> {
    await this.files.makeFolder(this.place.stateDir);
    await this.files.replace(this.file, text);
  }

  /** By its code alone: the message of an error may quote the file, which may hold secrets. */
  private tell(error: unknown): void {
    if (this.told) return;
    this.told = true;
    this.place.log.warn('kept-file.unusable', { file: this.file, reason: describeError(error).code, help });
  }
}

const help =
  'What it holds only saves time, and is written anew. If it comes again, see who else writes there, and whether the disk is full.';
