import path from 'node:path';
import { z } from 'zod';
import { type RelayUri, relayNamePattern } from '../core/config/relay-uri.js';
import type { Files } from '../core/files.js';
import { keyPattern } from '../core/overlay-address.js';
import { tokenPattern } from './token.js';

/** Relays that are learnt of at most; who knows as many, by its operator or so, tries no more. */
export const mostLearnt = 4;

/** A relay that another agent told of, and that has proved its key since. */
export interface LearntRelay extends RelayUri {
  /** Wall clock, milliseconds. */
  readonly confirmedAt: number;
  /** Key of the agent that told of it. */
  readonly toldBy: string;
}

const schema = z.object({
  version: z.literal(1),
  relays: z
    .array(
      z.object({
        host: z.string().max(45),
        port: z.number().int().min(1024).max(65_535),
        name: z.string().regex(relayNamePattern),
        token: z.string().regex(tokenPattern),
        confirmedAt: z.number().nonnegative(),
        toldBy: z.string().regex(keyPattern),
      }),
    )
    .max(mostLearnt),
});

/** Relays that an agent has learnt of, over restarts: `relays.json` of the state folder. A file that cannot be used is not missed. */
export class LearntRelayFile {
  private readonly file: string;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    folder: string,
    private readonly files: Files,
  ) {
    this.file = path.join(folder, 'relays.json');
  }

  /** Never rejects. */
  async read(): Promise<readonly LearntRelay[]> {
    try {
      return schema.parse(JSON.parse(await this.files.read(this.file))).relays;
    } catch {
      return [];
    }
  }

  /** Resolves when they are on disk, as far as the disk allows. */
  write(relays: readonly LearntRelay[]): Promise<void> {
    const text = JSON.stringify({ version: 1, relays });
    this.writing = this.writing.then(() => this.replace(text)).catch(() => {});
    return this.writing;
  }

  private async replace(text: string): Promise<void> {
    await this.files.makeFolder(path.dirname(this.file));
    await this.files.replace(this.file, text);
  }
}
