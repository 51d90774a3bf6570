import ipaddr from 'ipaddr.js';
import { type Clock, sleep, type Timer } from '../../core/clock.js';
import type { DatagramSocket, Endpoint, InterfaceAddress, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { TokenBucket } from '../../core/token-bucket.js';
import { announcement, type Heard, mdnsGroup, question, readMessage, recordLifetimeS } from './records.js';

/** Answers wait for others' for a random time from this to that, in milliseconds, and so does the first question (RFC 6762 §5.2, §6). */
const jitterMs = { least: 20, most: 120 };
/** The first pause between questions, how much longer each is than the last, and the longest, in milliseconds: less than a record lasts. */
const firstPauseMs = 1000;
const growth = 3;
const longestPauseMs = 0.8 * recordLifetimeS * 1000;
/** Announcements at the start, and the pause between them, in milliseconds (RFC 6762 §8.3). Nothing is told more often (§6). */
const announcements = 2;
const betweenAnswersMs = 1000;
/** Messages of a network that are looked at, at once and a second after that. */
const rate = { burst: 200, perSecond: 50 };
/** Agents of one network that are remembered. */
const mostKnown = 256;

export interface EarParts {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** This agent's key. */
  readonly key: string;
  /** Where its services would be, in the record that DNS-SD wants: signalling. */
  readonly port: number;
  /** Another agent has said that it is at that address of the network. */
  readonly heard: (agent: Heard, address: string) => void;
}

/** Multicast DNS on one network of this machine's: says that this agent is there, and hears of others. */
export class NetworkEar {
  private readonly allowance: TokenBucket;
  /** When the records of other agents expire, by key. */
  private readonly known = new Map<string, number>();
  private answering: Timer | undefined;
  private answeredAt = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly parts: EarParts,
    private readonly place: InterfaceAddress,
    private readonly socket: DatagramSocket,
  ) {
    this.allowance = new TokenBucket(parts.clock, rate);
  }

  /** Hears, and answers, until it is closed. @throws the system's error */
  static async open(parts: EarParts, place: InterfaceAddress): Promise<NetworkEar> {
    let ear: NetworkEar | undefined;
    const onMessage = (data: Buffer, remote: Endpoint) => ear?.receive(data, remote);
    const { joinMulticast } = parts.net;
    if (!joinMulticast) throw new Error('nothing is multicast here');
    const socket = await joinMulticast({ group: mdnsGroup, from: place.address, onMessage });
    ear = new NetworkEar(parts, place, socket);
    return ear;
  }

  /** Announces this agent and asks for others, until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.parts;
    const announce = async () => {
      for (let told = 0; told < announcements; told++) {
        this.answer(recordLifetimeS);
        await sleep(clock, betweenAnswersMs, signal);
      }
    };
    const ask = async () => {
      await sleep(clock, this.jitter(), signal);
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * growth, longestPauseMs)) {
        this.socket.send(question(this.stillKnown()), mdnsGroup);
        await sleep(clock, pauseMs, signal);
      }
    };
    await Promise.all([announce(), ask()]).catch(() => {});
  }

  /** Takes back what it said. Idempotent. */
  async close(): Promise<void> {
    this.answering?.cancel();
    this.answer(0);
    await this.socket.close();
  }

  private receive(data: Buffer, remote: Endpoint): void {
    // Whoever is not on this network, or is no responder, is no neighbour (RFC 6762 §6, §11).
    if (remote.port !== mdnsGroup.port || !isWithin(remote.address, this.place) || !this.allowance.take()) return;
    const message = readMessage(data);
    if (!message) return;
    const { clock, key } = this.parts;
    if (message.asksFor(key)) this.answerSoon();
    for (const agent of message.heard) {
      if (agent.key === key || (this.known.size >= mostKnown && !this.known.has(agent.key))) continue;
      this.known.set(agent.key, clock.now() + agent.lifetimeS * 1000);
      this.parts.heard(agent, remote.address);
    }
  }

  private answerSoon(): void {
    const { clock } = this.parts;
    const delayMs = Math.max(this.jitter(), this.answeredAt + betweenAnswersMs - clock.now());
    this.answering ??= clock.setTimer(delayMs, () => {
      this.answering = undefined;
      this.answer(recordLifetimeS);
    });
  }

  private answer(lifetimeS: number): void {
    const { clock, key, port } = this.parts;
    this.answeredAt = clock.now();
    this.socket.send(announcement(key, { address: this.place.address, port }, lifetimeS), mdnsGroup);
  }

  /** Those whose records have more than half of their life left. */
  private stillKnown(): readonly Heard[] {
    const now = this.parts.clock.now();
    for (const [key, expiresAt] of this.known) if (expiresAt <= now) this.known.delete(key);
    const left = [...this.known].map(([key, expiresAt]) => ({ key, lifetimeS: Math.floor((expiresAt - now) / 1000) }));
    return left.filter(({ lifetimeS }) => lifetimeS >= recordLifetimeS / 2).slice(0, mostNamed);
  }

  private jitter(): number {
    return jitterMs.least + this.parts.random.fraction() * (jitterMs.most - jitterMs.least);
  }
}

/** Known agents that a question names: as many as fit into a datagram (RFC 6762 §17). */
const mostNamed = 20;

function isWithin(address: string, { address: own, prefixLength }: InterfaceAddress): boolean {
  if (!ipaddr.IPv4.isValid(address)) return false;
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(own), prefixLength);
}
