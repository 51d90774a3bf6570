/**
 * What a poll costs the agent: a getSessions reply as yggdrasil writes it (indented JSON), cut from the stream in 64 KiB chunks,
 * parsed, checked by its schema, and every address derived from its key. Run: npx tsx bench/admin-parse.ts [sessions...]
 */
import { randomBytes } from 'node:crypto';
import { JsonSplitter } from '../src/core/admin/json-splitter.js';
import { parseEnvelope, parseSessions } from '../src/core/admin/schemas.js';
import { addressOf } from '../src/core/overlay-address.js';

const rounds = 30;
const sizes = process.argv.slice(2).map(Number);
const results = (sizes.length > 0 ? sizes : [100, 1000, 10_000]).map(measure);
console.log('sessions  bytes      split ms  JSON ms  schema+address ms  total ms (median of 30)');
for (const { sessions, bytes, splitMs, jsonMs, schemaMs, totalMs } of results) {
  const cells = [splitMs, jsonMs, schemaMs, totalMs].map((ms) => ms.toFixed(2));
  console.log([String(sessions).padEnd(8), String(bytes).padEnd(9), ...cells.map((cell) => cell.padEnd(8))].join('  '));
}
console.log(JSON.stringify({ bench: 'admin-parse', node: process.version, rounds, results }));

function measure(sessions: number) {
  const text = reply(sessions);
  const samples = Array.from({ length: rounds }, () => {
    const start = performance.now();
    const splitter = new JsonSplitter(64 * 1024 * 1024);
    const objects: Buffer[] = [];
    for (let offset = 0; offset < text.length; offset += 65_536)
      objects.push(...splitter.push(text.subarray(offset, offset + 65_536)));
    const split = performance.now();
    const value: unknown = JSON.parse(String(objects[0]));
    const json = performance.now();
    const parsed = parseSessions(parseEnvelope(value, 'getSessions'));
    const end = performance.now();
    if (parsed.sessions.length !== sessions) throw new Error('sessions were lost');
    return { splitMs: split - start, jsonMs: json - split, schemaMs: end - json, totalMs: end - start };
  });
  const median = (name: keyof (typeof samples)[number]) => {
    const sorted = samples.map((sample) => sample[name]).sort((left, right) => left - right);
    return Number((sorted[rounds / 2] ?? 0).toFixed(3));
  };
  return {
    sessions,
    bytes: text.length,
    splitMs: median('splitMs'),
    jsonMs: median('jsonMs'),
    schemaMs: median('schemaMs'),
    totalMs: median('totalMs'),
  };
}

function reply(sessions: number): Buffer {
  const entries = Array.from({ length: sessions }, () => {
    const key = randomBytes(32).toString('hex');
    return { address: addressOf(key), key, bytes_recvd: 123_456_789, bytes_sent: 987_654_321, uptime: 3600.123456789 };
  });
  const request = { request: 'getSessions', arguments: {}, keepalive: true };
  return Buffer.from(`${JSON.stringify({ status: 'success', request, response: { sessions: entries } }, null, 2)}\n`);
}
