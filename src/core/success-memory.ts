import path from 'node:path';
import { z } from 'zod';
import { type Files, systemFiles } from './files.js';

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
    private readonly files: Files,
    private readonly file: string,
    private readonly worked: Map<string, string>,
  ) {}

  /** Reads `worked.json` of a folder. Never rejects. */
  static async open(folder: string, files = systemFiles): Promise<SuccessMemory> {
    const file = path.join(folder, 'worked.json');
    try {
      return new SuccessMemory(files, file, new Map(schema.parse(JSON.parse(await files.read(file))).worked));
    } catch {
      return new SuccessMemory(files, file, new Map());
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
    await this.files.makeFolder(path.dirname(this.file));
    await this.files.replace(this.file, JSON.stringify({ version: 1, worked: [...this.worked] }));
  }
}
