import { describeError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';

interface Server {
  close(): Promise<void>;
}

/** Servers that whoever has them does without where they cannot be had. */
export class OptionalServers {
  private readonly servers: Server[] = [];

  constructor(private readonly log: Logger) {}

  /** @param name of the log line when it fails. Never rejects. */
  async add(name: string, open: () => Promise<Server>): Promise<void> {
    try {
      this.servers.push(await open());
    } catch (error) {
      this.log.warn(name, { ...describeError(error) });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}
