import { z } from 'zod';
import { KeptFile, type KeptFilePlace } from './kept-file.js';

/** Peers remembered; the one that was bridged longest ago goes first. */
const mostPeers = 1000;
const schema = z.object({
  version: z.literal(1),
  worked: z.array(z.tuple([z.string().regex(/^[0-9a-f]{64}$/), z.string().max(64)])).max(mostPeers),
});

type Content = z.infer<typeof schema>;

/** Which strategy opened the last path to which peer, over restarts: `worked.json` of the state folder. */
export class SuccessMemory {
  private constructor(
    private readonly file: KeptFile<Content>,
    private readonly worked: Map<string, string>,
  ) {}

  /** Never rejects. */
  static async open(place: KeptFilePlace): Promise<SuccessMemory> {
    const file = new KeptFile('worked', schema, place);
    return new SuccessMemory(file, new Map((await file.read())?.worked));
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
    if (!known) void this.file.write({ version: 1, worked: [...this.worked] });
  }
}
