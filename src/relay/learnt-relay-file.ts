import { z } from 'zod';
import { type RelayUri, relayNamePattern } from '../core/config/relay-uri.js';
import { KeptFile, type KeptFilePlace } from '../core/kept-file.js';
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

/** Relays that an agent has learnt of, over restarts: `relays.json` of the state folder. */
export class LearntRelayFile {
  private readonly file: KeptFile<{ readonly version: 1; readonly relays: readonly LearntRelay[] }>;

  constructor(place: KeptFilePlace) {
    this.file = new KeptFile('relays', schema, place);
  }

  /** Never rejects. */
  async read(): Promise<readonly LearntRelay[]> {
    return (await this.file.read())?.relays ?? [];
  }

  /** Resolves when they are on disk, as far as the disk allows. */
  write(relays: readonly LearntRelay[]): Promise<void> {
    return this.file.write({ version: 1, relays });
  }
}
