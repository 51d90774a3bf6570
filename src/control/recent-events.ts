import type { AgentEvent } from '../core/events.js';

/** Of what happened last so much is kept, as JSON, in characters. */
const maxCharacters = 256 * 1024;

/** What happened last: a reader of the agent's events, for bug reports. */
export class RecentEvents {
  private readonly lines: string[] = [];
  private characters = 0;

  read(event: AgentEvent): void {
    const line = JSON.stringify(event);
    if (line.length > maxCharacters / 8) return;
    this.lines.push(line);
    this.characters += line.length;
    while (this.characters > maxCharacters) this.characters -= this.lines.shift()?.length ?? 0;
  }

  /** Oldest first. */
  list(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
