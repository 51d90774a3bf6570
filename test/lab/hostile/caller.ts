import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { LabError } from '../lab-error.js';

export interface Spoken {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The other end of an agent's signalling connection, which says whatever the test wants it to. */
export class Caller {
  readonly heard: Spoken[] = [];
  /** Resolves when the agent has ended the connection, in whatever way. */
  readonly ended: Promise<void>;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly socket: Socket) {
    this.ended = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
    socket.on('end', () => socket.destroy());
    const lines = createInterface({ input: socket });
    // It passes on what goes wrong with the socket.
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      this.heard.push(JSON.parse(line) as Spoken);
      for (const listener of this.listeners) listener();
    });
  }

  /** A hello that an agent has nothing against, with other fields put in its place. */
  hello(key: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const strategies = ['tcp-hole-punching'];
    this.say({ type: 'hello', protocol: 1, agent: '0.0.0', key, router: '0.5.14', strategies, features: [], ...fields });
  }

  /** Answers pings from now on, those that have come included. */
  answerPings(): void {
    let answered = 0;
    const answer = () => {
      for (const { type, id } of this.heard.slice(answered)) if (type === 'ping') this.say({ type: 'pong', id });
      answered = this.heard.length;
    };
    this.listeners.add(answer);
    answer();
  }

  say(message: Spoken): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** The first message of that type, heard already or yet to come. */
  async hear(type: string, { where = () => true, timeoutMs = 15_000 }: HearOptions = {}): Promise<Spoken> {
    const find = () => this.heard.find((message) => message.type === type && where(message));
    let listener = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Spoken>((resolve, reject) => {
        const fail = (why: string) => reject(new LabError(`no ${type} ${why}, but ${JSON.stringify(this.heard)}`));
        listener = () => {
          const found = find();
          if (found) resolve(found);
        };
        this.listeners.add(listener);
        timer = setTimeout(() => fail(`within ${timeoutMs} ms`), timeoutMs);
        listener();
        void this.ended.then(() => fail('before the connection ended'));
      });
    } finally {
      this.listeners.delete(listener);
      clearTimeout(timer);
    }
  }

  hangUp(): void {
    this.socket.destroy();
  }
}

export interface HearOptions {
  readonly where?: (message: Spoken) => boolean;
  readonly timeoutMs?: number;
}
