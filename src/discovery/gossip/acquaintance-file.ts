import path from 'node:path';
import { z } from 'zod';
import { type Files, systemFiles } from '../../core/files.js';
import { keyPattern } from '../../core/overlay-address.js';
import { type Acquaintance, mostAcquaintances } from './acquaintances.js';

const key = z.string().regex(keyPattern);
const schema = z.object({
  version: z.literal(1),
  agents: z
    .array(
      z.object({
        key,
        offers: z.array(z.enum(['stun', 'relay'])).max(2),
        metAt: z.number().nonnegative(),
        toldBy: key.optional(),
      }),
    )
    .max(mostAcquaintances),
});

/** Whom an agent has met, over restarts: `agents.json` of the state folder. It only saves time, so a file that cannot be used is not missed. */
export class AcquaintanceFile {
  private readonly file: string;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    folder: string,
    private readonly files: Files = systemFiles,
  ) {
    this.file = path.join(folder, 'agents.json');
  }

  /** The one met longest ago first. Never rejects. */
  async read(): Promise<readonly Acquaintance[]> {
    try {
      return schema.parse(JSON.parse(await this.files.read(this.file))).agents;
    } catch {
      return [];
    }
  }

  /** Resolves when they are on disk, as far as the disk allows. */
  write(agents: readonly Acquaintance[]): Promise<void> {
    const told = agents.map(({ key: known, offers, metAt, toldBy }) => ({ key: known, offers, metAt, toldBy }));
    const text = JSON.stringify({ version: 1, agents: told });
    this.writing = this.writing.then(() => this.replace(text)).catch(() => {});
    return this.writing;
  }

  private async replace(text: string): Promise<void> {
    await this.files.makeFolder(path.dirname(this.file));
    await this.files.replace(this.file, text);
  }
}
