import { join } from 'node:path';
import { z } from 'zod';
import { AgentError } from '../errors.js';
import type { EventSource } from '../events.js';
import { type Files, systemFiles } from '../files.js';
import { type PeerIdentity, peerIdentity } from './peer-uri.js';

const schema = z.object({ version: z.literal(1), peers: z.array(z.string().max(4096)).max(10_000) });

/**
 * The peerings that we added, kept on disk so that a kill cannot leave them behind. They are written without their query:
 * that is what the router knows them by, and the query holds passwords.
 */
export class PeerJournal {
  private writing: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  private constructor(
    private readonly files: Files,
    private readonly file: string,
    private readonly peers: Set<PeerIdentity>,
  ) {}

  /**
   * Reads `peers.json` of a folder, which is made if need be. A file that makes no sense is renamed to `peers.json.corrupt` with a warning.
   * @throws AgentError JOURNAL_UNWRITABLE
   */
  static async open(folder: string, events: EventSource, files = systemFiles): Promise<PeerJournal> {
    const file = join(folder, 'peers.json');
    let text: string;
    try {
      await files.makeFolder(folder);
      text = await files.read(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new PeerJournal(files, file, new Set());
      throw unwritable(file, error);
    }
    try {
      return new PeerJournal(files, file, new Set(schema.parse(JSON.parse(text)).peers.map(peerIdentity)));
    } catch (cause) {
      const aside = `${file}.corrupt`;
      await files.rename(file, aside).catch((error) => {
        throw unwritable(file, error);
      });
      const fields = { file, aside, reason: (cause as Error).message };
      events.publish('log', { level: 'warn', name: 'journal.corrupt', fields });
      return new PeerJournal(files, file, new Set());
    }
  }

  /** Every peering that was added and not yet removed: right after opening, what an earlier run left behind. */
  entries(): readonly PeerIdentity[] {
    return [...this.peers];
  }

  has(peer: PeerIdentity): boolean {
    return this.peers.has(peer);
  }

  /** Resolves when the entry is on disk. @throws AgentError JOURNAL_UNWRITABLE, and then it is not entered */
  async add(peer: PeerIdentity): Promise<void> {
    if (this.peers.has(peer)) return;
    this.peers.add(peer);
    try {
      await this.save();
    } catch (error) {
      this.peers.delete(peer);
      throw error;
    }
  }

  /** @throws AgentError JOURNAL_UNWRITABLE; the entry may come back after a restart then, which does no harm */
  async delete(peer: PeerIdentity): Promise<void> {
    if (this.peers.delete(peer)) await this.save();
  }

  /** One write serves all changes made while the one before was under way. */
  private save(): Promise<void> {
    this.next ??= this.writing
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        const text = `${JSON.stringify({ version: 1, peers: [...this.peers] }, null, 2)}\n`;
        this.writing = this.files.replace(this.file, text).catch((error) => {
          throw unwritable(this.file, error);
        });
        return this.writing;
      });
    return this.next;
  }
}

function unwritable(file: string, cause: unknown): AgentError {
  return new AgentError('JOURNAL_UNWRITABLE', `The journal ${file} cannot be used: ${(cause as Error).message}.`, { cause });
}
