import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from './replace-file.js';

/** Peers remembered; the one that was bridged longest ago goes first. */
const mostPeers = 1000;
const schema = z.object({
  version: z.literal(1),
  worked: z.array(z.tuple([z.string().regex(/^[0-9a-f]{64}$/), z.string().max(64)])).max(mostPeers),
});

/** Which strategy opened the last path to which peer, over restarts. It only saves time, so a file that cannot be used is not missed. */
export class SuccessMemory {
  private writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: string,
    private readonly worked: Map<string, string>,
  ) {}

  /** Reads `worked.json` of a folder. Never rejects. */
  static async open(folder: string): Promise<SuccessMemory> {
    const file = path.join(folder, 'worked.json');
    try {
      return new SuccessMemory(file, new Map(schema.parse(JSON.parse(await readFile(file, 'utf8'))).worked));
    } catch {
      return new SuccessMemory(file, new Map());
    }
  }

  strategyFor(peerKey: string): string | undefined {
    return this.worked.get(peerKey);
  }

  remember(peerKey: string, strategy: string): void {
    const known = this.worked.get(peerKey) === strategy;
    this.worked.delete(peerKey);
    this.worked.set(peerKey, strategy);
    for (const oldest of this.worked.keys()) {
      if (this.worked.size <= mostPeers) break;
      this.worked.delete(oldest);
    }
    if (!known) this.writing = this.writing.then(() => this.write()).catch(() => {});
  }

  /** Resolves when everything is on disk, as far as the disk allows. */
  flushed(): Promise<void> {
    return this.writing;
  }

  private async write(): Promise<void> {
    await mkdir(path.dirname(this.file), { recursive: true, mode: 0o700 });
    await replaceFile(this.file, JSON.stringify({ version: 1, worked: [...this.worked] }));
  }
}
