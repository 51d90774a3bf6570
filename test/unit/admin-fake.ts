import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { onTestFinished } from 'vitest';
import { JsonSplitter } from '../../src/core/admin/json-splitter.js';
import type { Clock } from '../../src/core/clock.js';
import { type AgentEvent, type EventName, EventSource, onEvent } from '../../src/core/events.js';
import type { Net, PeerCredentials } from '../../src/core/net.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { createSystemNet } from '../../src/native/system-net.js';

/** The system's sockets, with made-up credentials of the process at the other end. */
export function plainNet(credentials?: PeerCredentials): Net {
  return { ...createSystemNet(), peerCredentials: () => credentials };
}

/** A timer that fires when the test says so. */
export interface HeldTimer {
  readonly delayMs: number;
  fire(): void;
}

/** A clock on which time passes only where a test fires a timer. */
export class HeldClock implements Clock {
  private time = 0;
  private readonly timers = new Set<HeldTimer>();
  private readonly watchers = new Set<() => void>();

  now(): number {
    return this.time;
  }

  wallTime(): number {
    return this.time;
  }

  setTimer(delayMs: number, callback: () => void) {
    const timer = {
      delayMs,
      fire: () => {
        this.time += delayMs;
        this.timers.delete(timer);
        callback();
      },
    };
    this.timers.add(timer);
    for (const watcher of [...this.watchers]) watcher();
    return { cancel: () => void this.timers.delete(timer) };
  }

  get pending(): number {
    return this.timers.size;
  }

  /** The next timer whose delay lies between the bounds, now or when it comes to be set. */
  timer(atLeast: number, atMost: number): Promise<HeldTimer> {
    return new Promise((resolve) => {
      const look = () => {
        const found = [...this.timers].find(({ delayMs }) => delayMs >= atLeast && delayMs <= atMost);
        if (!found) return;
        this.watchers.delete(look);
        resolve(found);
      };
      this.watchers.add(look);
      look();
    });
  }
}

export const routerKey = '8b831a67c29c51c8559f95f85b1b09675a452281962d54b5721b52dd56e0c54e';
export const aSelf = {
  build_version: '0.5.14',
  key: routerKey,
  address: addressOf(routerKey),
  subnet: '300:e8f9:cb30:7ac7::/64',
};

export interface AdminRequest {
  readonly request: string;
  readonly arguments: Record<string, unknown>;
  readonly keepalive: boolean;
  /** Which connection it came on, from 1. */
  readonly connection: number;
  /** Raw bytes to the asker. */
  send(text: string): void;
  succeed(response: unknown): void;
  refuse(error: string): void;
  hangUp(): void;
}

/** An admin socket whose answers the test makes. */
export class FakeAdmin {
  readonly requests: AdminRequest[] = [];
  /** Answers a request, or leaves it. */
  onRequest: (request: AdminRequest) => void;
  private connections = 0;
  private readonly sockets = new Set<net.Socket>();
  private server: net.Server | undefined;

  constructor(
    readonly listen: string | { readonly host: string; readonly port: number },
    answers: Readonly<Record<string, unknown>> = {},
  ) {
    const all: Readonly<Record<string, unknown>> = {
      getSelf: aSelf,
      getSessions: { sessions: [] },
      getPeers: { peers: [] },
      addPeer: {},
      removePeer: {},
      ...answers,
    };
    this.onRequest = (request) => request.succeed(all[request.request]);
  }

  /** On a unix socket of its own, until the test is over. */
  static async start(answers?: Readonly<Record<string, unknown>>): Promise<FakeAdmin> {
    const admin = new FakeAdmin(join(await scratchFolder(), 'admin.sock'), answers);
    await admin.start();
    onTestFinished(() => admin.stop());
    return admin;
  }

  get uri(): string {
    return typeof this.listen === 'string' ? `unix://${this.listen}` : `tcp://${this.listen.host}:${this.port}`;
  }

  get port(): number {
    const address = this.server?.address() as net.AddressInfo | null | undefined;
    return address?.port ?? 0;
  }

  names(): string[] {
    return this.requests.map(({ request }) => request);
  }

  async start(): Promise<void> {
    const server = net.createServer((socket) => this.accept(socket));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (typeof this.listen === 'string') server.listen(this.listen, resolve);
      else server.listen(this.listen.port, this.listen.host, resolve);
    });
  }

  /** Stops listening and breaks what is connected, as a router that is restarted. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  private accept(socket: net.Socket): void {
    const connection = ++this.connections;
    const splitter = new JsonSplitter(1e6, (text) => {
      const asked = JSON.parse(text.toString()) as Pick<AdminRequest, 'request' | 'arguments' | 'keepalive'>;
      const reply = (body: object) => void socket.write(replyText(asked, body));
      const request: AdminRequest = {
        ...asked,
        connection,
        send: (raw) => void socket.write(raw),
        succeed: (response) => reply({ status: 'success', response }),
        refuse: (error) => reply({ status: 'error', error, response: null }),
        hangUp: () => void socket.end(),
      };
      this.requests.push(request);
      this.onRequest(request);
    });
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => splitter.push(chunk));
  }
}

/** As yggdrasil writes it: indented, with the request echoed, and a line feed after it. */
export function replyText(request: object, body: object): string {
  return `${JSON.stringify({ ...body, request }, null, 2)}\n`;
}

/** A text of which one to three bytes are others, such as JSON makes something of. */
export function damaged(sound: Buffer): fc.Arbitrary<Buffer> {
  const place = fc.nat(sound.length - 1);
  const byte = fc.constantFrom(...Buffer.from('"{}[]:,\\0123456789.eE+- ntx\n\u0001'));
  return fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 3 }).map((bytes) => {
    const text = Buffer.from(sound);
    for (const [at, value] of bytes) text[at] = value;
    return text;
  });
}

export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ratatoskr-admin-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The events of one agent, until the test is over. */
export class EventRecord {
  readonly source: EventSource;
  readonly all: AgentEvent[] = [];
  private readonly watchers = new Set<() => void>();

  constructor(agent = `test-${Math.random()}`) {
    this.source = new EventSource(agent);
    const stop = onEvent((event) => {
      if (event.agent !== agent) return;
      this.all.push(event);
      for (const watcher of [...this.watchers]) watcher();
    });
    onTestFinished(stop);
  }

  of<Name extends EventName>(name: Name): Extract<AgentEvent, { event: Name }>[] {
    return this.all.filter((event) => event.event === name) as Extract<AgentEvent, { event: Name }>[];
  }

  /** Names of the log lines. */
  logs(): string[] {
    return this.of('log').map(({ name }) => name);
  }

  /** The event of that name, the `count`th of them, now or when it comes. */
  next<Name extends EventName>(name: Name, count = 1): Promise<Extract<AgentEvent, { event: Name }>> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.of(name)[count - 1];
        if (!found) return;
        this.watchers.delete(look);
        resolve(found);
      };
      this.watchers.add(look);
      look();
    });
  }
}
