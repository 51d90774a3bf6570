import { z } from 'zod';
import { KeptFile, type KeptFilePlace } from '../../core/kept-file.js';
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

/** Whom an agent has met, over restarts: `agents.json` of the state folder. */
export class AcquaintanceFile {
  private readonly file: KeptFile<{ readonly version: 1; readonly agents: readonly Acquaintance[] }>;

  constructor(place: KeptFilePlace) {
    this.file = new KeptFile('agents', schema, place);
  }

  /** The one met longest ago first. Never rejects. */
  async read(): Promise<readonly Acquaintance[]> {
    return (await this.file.read())?.agents ?? [];
  }

  /** Resolves when they are on disk, as far as the disk allows. */
  write(agents: readonly Acquaintance[]): Promise<void> {
    const told = agents.map(({ key: known, offers, metAt, toldBy }) => ({ key: known, offers, metAt, toldBy }));
    return this.file.write({ version: 1, agents: told });
  }
}
