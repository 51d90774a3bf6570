import ipaddr from 'ipaddr.js';
import { sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import { type ChangeRequest, encodeBindingRequest, transactionIdLength } from '../stun/codec.js';
import { locateServer, type ServerFailure } from '../stun/server-search.js';
import { StunTransactions } from '../stun/stun-transactions.js';
import type { NatBehaviour } from './behaviour.js';
import { NatClassifier } from './classifier.js';
import { type SamplingOptions, SamplingSocket } from './sampling-socket.js';

export interface ExaminationOptions extends SamplingOptions {
  /** STUN servers over UDP as `host:port`; two or more with different addresses tell most, one of RFC 5780 all. */
  readonly servers: readonly string[];
  /** Its abort rejects with its reason, and leaves no socket open. */
  readonly signal?: AbortSignal;
  /** Servers that are asked at most. @default 4 */
  readonly maxServers?: number;
  /** Sockets whose ports show how the NAT chooses them, 0 or more. @default 5 */
  readonly portSamples?: number;
  /** How long to leave a mapping idle, in milliseconds, to see whether it lives on; each is so long a wait. @default none */
  readonly idleMs?: readonly number[];
}

export interface NatExamination {
  readonly behaviour: NatBehaviour;
  /** A server that answers from other addresses and ports on request (RFC 5780) was among them. */
  readonly rfc5780: boolean;
  /** Why other servers did not help. */
  readonly failures: readonly ServerFailure[];
  /** Answers that were not believed, for where they came from. */
  readonly strays: number;
}

/**
 * Learns how the NAT treats UDP, from sockets of its own: a few packets to each server, some 2 s of waiting at most and 5 s where
 * servers are silent. Behind a NAT it takes no more than its answers show: what could not be tested is `unknown`.
 * @throws the signal's reason, or what binding a socket fails with
 */
export async function examineNat(options: ExaminationOptions): Promise<NatExamination> {
  options.signal?.throwIfAborted();
  const examination = new Examination(options);
  try {
    return await examination.run();
  } finally {
    await examination.close();
  }
}

const greetings = 4;
const greetingPauseMs = 150;

interface Server {
  readonly endpoint: Endpoint;
  readonly mapped: Endpoint;
  readonly other: Endpoint | undefined;
}

class Examination {
  private readonly classifier = new NatClassifier();
  private readonly failures: ServerFailure[] = [];
  private readonly sockets: SamplingSocket[] = [];
  private closed = false;

  constructor(private readonly options: ExaminationOptions) {}

  async run(): Promise<NatExamination> {
    const socket = await this.open();
    const asked = await this.askAll(socket);
    const { doubtful } = this.classifier.behaviour;
    const servers = asked.filter(({ endpoint }) => !doubtful.includes(endpoint.address));
    const [first] = servers;
    const capable = servers.find(({ other }) => other !== undefined);
    if (capable?.other) await this.compare(socket, capable.endpoint, capable.other);
    if (first) await this.samplePorts(first.endpoint);
    await Promise.all([
      capable?.other && this.testFiltering(capable.endpoint, capable.other),
      first && this.classifier.behaviour.translated === 'yes' && this.testHairpin(first.endpoint),
      ...(this.options.idleMs ?? []).map((idleMs) => capable && this.testLifetime(capable.endpoint, idleMs)),
    ]);
    this.options.signal?.throwIfAborted();
    return {
      behaviour: this.classifier.behaviour,
      rfc5780: capable !== undefined,
      failures: this.failures,
      strays: this.sockets.reduce((sum, { transactions }) => sum + transactions.strays, 0),
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.sockets.map((socket) => socket.close()));
  }

  /** RFC 5780 §4.3, test I, with every server. Returns those that answered, in the order in which they were asked. */
  private async askAll(socket: SamplingSocket): Promise<readonly Server[]> {
    const located = await this.locateAll();
    const answers = await Promise.all(
      located.map(async ({ name, endpoint }): Promise<Server | undefined> => {
        try {
          const { mapped, other } = await this.bind(socket, endpoint);
          return { mapped, endpoint, other: other && isElsewhere(endpoint, other) ? other : undefined };
        } catch (error) {
          this.fail(name, error);
          return undefined;
        }
      }),
    );
    const servers = answers.flatMap((answer) => answer ?? []);
    // In the order of the requests, not of the answers: the NAT made its mappings in that one.
    for (const { endpoint, mapped } of servers) this.addMapping(socket, endpoint, mapped);
    return servers;
  }

  private async locateAll(): Promise<readonly { name: string; endpoint: Endpoint }[]> {
    const { servers, maxServers = 4, signal } = this.options;
    const names = [...new Set(servers)].slice(0, maxServers);
    const found = await Promise.all(
      names.map(async (name) => {
        try {
          const [endpoint] = await locateServer(name, this.options);
          return endpoint ? [{ name, endpoint }] : [];
        } catch (error) {
          this.fail(name, error);
          return [];
        }
      }),
    );
    signal?.throwIfAborted();
    const distinct = new Map(found.flat().map((each) => [`${each.endpoint.address} ${each.endpoint.port}`, each]));
    return [...distinct.values()];
  }

  /** RFC 5780 §4.3, tests II and III, and the one that tells their outcomes apart for certain. */
  private async compare(socket: SamplingSocket, server: Endpoint, other: Endpoint): Promise<void> {
    const places = [{ ...server, address: other.address }, other, { ...server, port: other.port }];
    const samples = await Promise.all(places.map((place) => this.tryBind(socket, place)));
    samples.forEach((mapped, index) => {
      const place = places[index];
      if (mapped && place) this.addMapping(socket, place, mapped);
    });
  }

  /** New sockets ask one server one after the other, so that the order of their ports is that of their mappings. */
  private async samplePorts(server: Endpoint): Promise<void> {
    const { portSamples = 5 } = this.options;
    for (let count = 0; count < portSamples; count++) {
      const socket = await this.open();
      const mapped = await this.tryBind(socket, server);
      if (!mapped) return;
      this.addMapping(socket, server, mapped);
    }
  }

  /** RFC 5780 §4.4. The socket has sent to the server's first place alone; an answer before and after proves that silence is the filter's. */
  private async testFiltering(server: Endpoint, other: Endpoint): Promise<void> {
    const socket = await this.open();
    if (!(await this.tryBind(socket, server))) return;
    const [otherAddress, otherPort] = await Promise.all([
      this.answers(socket, server, other, { address: true, port: true }),
      this.answers(socket, server, { ...server, port: other.port }, { address: false, port: true }),
    ]);
    if (!(await this.tryBind(socket, server))) return;
    if (otherAddress !== undefined) this.classifier.addFiltering({ from: 'other-address', answered: otherAddress });
    if (otherPort !== undefined) this.classifier.addFiltering({ from: 'other-port', answered: otherPort });
  }

  /** @returns undefined when the server refuses */
  private async answers(
    socket: SamplingSocket,
    server: Endpoint,
    from: Endpoint,
    change: ChangeRequest,
  ): Promise<boolean | undefined> {
    try {
      await this.bind(socket, server, { from, change });
      return true;
    } catch (error) {
      return describeError(error).code === 'ETIMEDOUT' ? false : undefined;
    }
  }

  /**
   * RFC 5780 §4.5, but from both sides: two sockets send to each other's external address, as hole punchers do, so that filtering
   * is not mistaken for a lack of hairpinning.
   */
  private async testHairpin(server: Endpoint): Promise<void> {
    const pair = [await this.open(), await this.open()] as const;
    const [one, other] = [await this.tryBind(pair[0], server), await this.tryBind(pair[1], server)];
    if (!one || !other) return;
    const { random, signal } = this.options;
    const greeting = Buffer.from(encodeBindingRequest(random.bytes(transactionIdLength)));
    let reached = false;
    const heard = new AbortController();
    for (const { foreign } of pair) {
      foreign.add((data) => {
        if (!data.equals(greeting)) return;
        reached = true;
        heard.abort();
      });
    }
    for (let count = 0; count < greetings && !reached; count++) {
      pair[0].socket.send(greeting, other);
      pair[1].socket.send(greeting, one);
      await this.pause(greetingPauseMs, heard.signal);
    }
    signal?.throwIfAborted();
    this.classifier.addHairpin(reached);
  }

  /**
   * RFC 5780 §4.6: a second socket asks the server to answer to the port of the first, which has been idle. Nothing else shows
   * an expired mapping, for a NAT that preserves ports gives the same one anew.
   */
  private async testLifetime(server: Endpoint, idleMs: number): Promise<void> {
    const { clock, random, signal } = this.options;
    const [idle, asking] = [await this.open(), await this.open()];
    const mapped = await this.tryBind(idle, server);
    if (!mapped) return;
    // Only what reaches the idle socket counts: a server that ignores RESPONSE-PORT answers the one that asks.
    const proxied = new StunTransactions({ clock, random, send: (data, remote) => asking.socket.send(data, remote) });
    idle.foreign.add((data, remote) => proxied.receive(data, remote));
    const reachable = async () => {
      const question = { responsePort: mapped.port, retransmission: asking.retransmission, ...(signal ? { signal } : {}) };
      const answer = await proxied.bind(server, question).catch(() => undefined);
      signal?.throwIfAborted();
      return answer !== undefined;
    };
    if (!(await reachable())) return;
    await sleep(clock, idleMs, signal);
    this.classifier.addIdle(idleMs, await reachable());
  }

  private async pause(delayMs: number, ...signals: readonly AbortSignal[]): Promise<void> {
    const { clock, signal } = this.options;
    await sleep(clock, delayMs, AbortSignal.any([...signals, ...(signal ? [signal] : [])])).catch(() => undefined);
  }

  private async open(): Promise<SamplingSocket> {
    this.options.signal?.throwIfAborted();
    const socket = await SamplingSocket.open(this.options);
    this.sockets.push(socket);
    if (this.closed) {
      await socket.close();
      throw new Error('the examination is over');
    }
    return socket;
  }

  private bind(socket: SamplingSocket, server: Endpoint, options: { from?: Endpoint; change?: ChangeRequest } = {}) {
    const { signal } = this.options;
    return socket.transactions.bind(server, { ...options, ...(signal ? { signal } : {}) });
  }

  private async tryBind(socket: SamplingSocket, server: Endpoint): Promise<Endpoint | undefined> {
    try {
      return (await this.bind(socket, server)).mapped;
    } catch {
      this.options.signal?.throwIfAborted();
      return undefined;
    }
  }

  private addMapping(socket: SamplingSocket, server: Endpoint, mapped: Endpoint): void {
    this.classifier.addMapping({ local: socket.localFor(mapped), server, mapped });
  }

  private fail(server: string, error: unknown): void {
    const { code, message } = describeError(error);
    this.failures.push({ server, code, message });
  }
}

/** A server names where else it answers. It is a stranger's word: what leads into another kind of network is not believed. */
function isElsewhere(server: Endpoint, other: Endpoint): boolean {
  if (server.address === other.address || server.port === other.port) return false;
  const [here, there] = [ipaddr.parse(server.address), ipaddr.parse(other.address)];
  return here.kind() === there.kind() && here.range() === there.range();
}
