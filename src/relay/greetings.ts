import type { Duplex } from 'node:stream';

/** How long a connection has to prove itself, in milliseconds. */
export const greetingTimeoutMs = 5000;
/** Connections that have not proved themselves, of one source and of all. */
const maxPerSource = 8;
const maxAtOnce = 128;

/** Connections that have yet to prove themselves, with their sources. */
export class Greetings {
  private readonly sources = new Map<Duplex, string>();
  private closed = false;

  /** May one more come from there? */
  hasRoom(source: string): boolean {
    const ofSource = [...this.sources.values()].filter((other) => other === source).length;
    return !this.closed && this.sources.size < maxAtOnce && ofSource < maxPerSource;
  }

  /** Counts a connection until it has {@link proved} itself or is gone. What breaks it ends no process meanwhile. */
  add(stream: Duplex, source: string): void {
    this.sources.set(stream, source);
    stream.on('error', () => {});
    stream.once('close', () => this.sources.delete(stream));
  }

  /** Undefined for one that has proved itself or is gone. */
  sourceOf(stream: Duplex): string | undefined {
    return this.sources.get(stream);
  }

  proved(stream: Duplex): void {
    this.sources.delete(stream);
  }

  /** Destroys them all; no more have room. Idempotent. */
  close(): void {
    this.closed = true;
    for (const stream of [...this.sources.keys()]) stream.destroy();
  }
}
