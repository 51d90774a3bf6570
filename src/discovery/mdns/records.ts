import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet';
import { z } from 'zod';
import { addressOf, keyPattern } from '../../core/overlay-address.js';

/** Where multicast DNS is spoken (RFC 6762 §3). */
export const mdnsGroup = { address: '224.0.0.251', port: 5353 } as const;
/** How long a record lasts, in seconds: that of records that name a host (RFC 6762 §10), for all of them, as none outlives its host. */
export const recordLifetimeS = 120;

const service = '_ratatoskr._udp.local';
/** Asks what services there are (RFC 6763 §9). */
const enumeration = '_services._dns-sd._udp.local';
/** Records of one message that are looked at. */
const mostRecords = 64;

/** An agent that says it is on this network. */
export interface Heard {
  readonly key: string;
  /** 0 when it is leaving. */
  readonly lifetimeS: number;
}

/** What one message says, as far as it concerns agents. */
export interface MdnsMessage {
  /** It asks for what this agent would answer, and does not know it yet. */
  readonly asksFor: (key: string) => boolean;
  readonly heard: readonly Heard[];
}

/** Asks who is there, naming those that need not answer (RFC 6762 §7.1). */
export function question(known: readonly Heard[]): Buffer {
  const answers = known.map(
    ({ key, lifetimeS }): Answer => ({ name: service, type: 'PTR', ttl: lifetimeS, data: instanceOf(key) }),
  );
  return encode({ type: 'query', questions: [{ name: service, type: 'PTR' }], answers });
}

/** All records of an agent at once (RFC 6763 §4, §5, §6). @param lifetimeS 0 takes them back (RFC 6762 §10.1) */
export function announcement(
  key: string,
  { address, port }: { address: string; port: number },
  lifetimeS = recordLifetimeS,
): Buffer {
  const instance = instanceOf(key);
  const host = hostOf(key);
  const own = { ttl: lifetimeS, class: 'IN', flush: true } as const;
  return encode({
    type: 'response',
    flags: authoritative,
    answers: [
      { name: service, type: 'PTR', ttl: lifetimeS, data: instance },
      { name: enumeration, type: 'PTR', ttl: lifetimeS, data: service },
      { ...own, name: instance, type: 'SRV', data: { target: host, port } },
      { ...own, name: instance, type: 'TXT', data: ['txtvers=1', `key=${key}`] },
      { ...own, name: host, type: 'A', data: address },
    ],
  });
}

/** Undefined when it is no message of DNS. */
export function readMessage(data: Buffer): MdnsMessage | undefined {
  let packet: Packet;
  try {
    packet = decode(data);
  } catch {
    return undefined;
  }
  const { type, questions = [], answers = [], additionals = [] } = packet;
  const asked = type === 'query' ? questions.slice(0, mostRecords) : [];
  const known = type === 'query' ? answers.slice(0, mostRecords) : [];
  const records = type === 'response' ? [...answers, ...additionals].slice(0, mostRecords) : [];
  return {
    asksFor: (key) => asked.some((one) => concerns(one, key)) && !known.some((one) => isKnown(one, key)),
    heard: records.flatMap((record) => heardIn(record) ?? []),
  };
}

const authoritative = 1 << 10;

/** The name of a service instance is for people to read: the overlay address is the name of a node. */
function instanceOf(key: string): string {
  return `${addressOf(key)}.${service}`;
}

function hostOf(key: string): string {
  return `ratatoskr-${key.slice(0, 16)}.local`;
}

function concerns({ name, type }: Question, key: string): boolean {
  const asked = name.toLowerCase();
  const isOf = (...types: string[]) => types.includes(type) || (type as string) === 'ANY';
  if (asked === service || asked === enumeration) return isOf('PTR');
  if (asked === instanceOf(key)) return isOf('SRV', 'TXT');
  return asked === hostOf(key) && isOf('A');
}

/** One that has more than half of its life left need not be told again. */
function isKnown(record: Answer, key: string): boolean {
  if (record.type !== 'PTR' || record.name.toLowerCase() !== service) return false;
  return record.data.toLowerCase() === instanceOf(key) && (record.ttl ?? 0) >= recordLifetimeS / 2;
}

const keyField = z.string().regex(/^key=[0-9a-f]{64}$/i);

/** The key that a TXT record tells, if the record has the name that goes with it. */
function heardIn(record: Answer): Heard | undefined {
  if (record.type !== 'TXT') return undefined;
  const fields = (Array.isArray(record.data) ? record.data : [record.data]).map(String);
  const field = fields.map((text) => keyField.safeParse(text)).find(({ success }) => success)?.data;
  const key = field?.slice('key='.length).toLowerCase();
  if (key === undefined || !keyPattern.test(key) || record.name.toLowerCase() !== instanceOf(key)) return undefined;
  return { key, lifetimeS: Math.min(record.ttl ?? 0, recordLifetimeS) };
}
