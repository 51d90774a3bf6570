import type { AgentLine } from './agent-process.js';
import type { Site } from './topology.js';

const colours = { dim: 2, bold: 1, red: 31, green: 32, cyan: 36 } as const;
type Colour = keyof typeof colours;

/** Tells what happens as it happens: sentences for people, or NDJSON for programs. */
export class Timeline {
  private sessionSeenAt: number | undefined;
  private readonly sessions = new Set<string>();

  constructor(
    private readonly output: NodeJS.WriteStream,
    private readonly json: boolean,
  ) {}

  /** Something the demo itself does or finds. */
  say(event: string, sentence: string, fields: Readonly<Record<string, unknown>> = {}, colour: Colour = 'dim'): void {
    if (this.json) this.output.write(`${JSON.stringify({ event: `demo.${event}`, ...fields })}\n`);
    else this.output.write(`${this.paint(colour, sentence)}\n`);
  }

  /** Something an agent said. Only what tells the story becomes a sentence. */
  event(site: Site, line: AgentLine): void {
    if (line.event === 'session.seen') {
      this.sessionSeenAt ??= line.time;
      this.sessions.add(line.peer.address);
    }
    const sinceSessionMs = this.sessionSeenAt === undefined ? undefined : line.time - this.sessionSeenAt;
    if (this.json) {
      this.output.write(`${JSON.stringify({ site, sinceSessionMs, ...line })}\n`);
      return;
    }
    const sentence = describe(line);
    // Whether agents run beside the public peers is another story.
    const isElsewhere = line.event === 'signalling.failed' && !this.sessions.has(line.remote);
    if (sentence === undefined || isElsewhere) return;
    const seconds = sinceSessionMs === undefined ? '' : `${(sinceSessionMs / 1000).toFixed(2)} s`;
    const words = this.paint(colourOf(line), sentence);
    this.output.write(`${this.paint('dim', seconds.padStart(8))}  ${this.paint('bold', site)}  ${words}\n`);
  }

  paint(colour: Colour, text: string): string {
    return this.output.isTTY && !process.env.NO_COLOR ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text;
  }
}

function colourOf({ event }: AgentLine): Colour {
  if (event === 'bridge.up') return 'green';
  if (event.endsWith('.failed') || event === 'bridge.down' || event === 'ladder.exhausted') return 'red';
  return event === 'path.proven' ? 'cyan' : 'dim';
}

function describe(line: AgentLine): string | undefined {
  switch (line.event) {
    case 'platform.limited':
      return `this platform lacks something: ${line.missing}`;
    case 'router.connected':
      return `agent connected to its router, yggdrasil ${line.version}, ${line.address}`;
    case 'session.seen':
      return `session seen with ${line.peer.address}`;
    case 'signalling.connected':
      return `signalling with the other agent over the overlay, as the ${line.role} end (${milliseconds(line.rttMs)})`;
    case 'signalling.failed':
      return `no signalling: ${line.message} (${line.code})`;
    case 'attempt.started':
      return `attempt: ${line.strategy}`;
    case 'attempt.failed':
      return `attempt failed: ${line.strategy}, ${line.message} (${line.code})`;
    case 'path.proven':
      return `path: ${line.kind}, ${line.local} to ${line.remote}, ${milliseconds(line.rttMs)} (overlay ${milliseconds(line.overlayRttMs)})`;
    case 'ladder.exhausted':
      return `every strategy failed; next try in ${(line.retryInMs / 1000).toFixed(1)} s`;
    case 'bridge.up':
      return `bridge up by ${line.strategy}: ${line.local} to ${line.remote}, ${milliseconds(line.rttMs)}`;
    case 'bridge.down':
      return `bridge down: ${line.message} (${line.code})`;
    case 'agent.stopped':
      return 'agent stopped';
    default:
      return undefined;
  }
}

export function milliseconds(value: number | undefined): string {
  return value === undefined ? 'no reply' : `${value.toFixed(1)} ms`;
}
