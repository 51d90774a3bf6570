import type { z } from 'zod';
import { type ConfigNode, configKeys, nodeAt } from './keys.js';
import { nearestWord } from './nearest-word.js';

/** One thing that is wrong with a configuration, and where. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  /** A sentence without its place. */
  readonly message: string;
}

/** Turns what the schema found into sentences that name the key, the value and what is allowed. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): readonly ConfigProblem[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownKey(issue.path, key) }));
    }
    return [{ path: issue.path, message: wrongValue(issue.path, input) }];
  });
}

/** `signalling.port`, `stun[2]`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`),
    '',
  );
}

function unknownKey(parent: readonly PropertyKey[], key: string): string {
  const siblings = keysOf(nodeAt(parent));
  const near = nearestWord(key, siblings);
  // The nearer to the top, the better known.
  const [elsewhere] = configKeys()
    .flatMap(({ path }) => (path.endsWith(`.${key}`) || path === key ? [path] : []))
    .sort((one, other) => one.split('.').length - other.split('.').length);
  const suggestion = near ? dotted([...parent, near]) : elsewhere;
  return `there is no key ${dotted([...parent, key])}; ${suggestion ? `did you mean ${suggestion}?` : `known are ${siblings.join(', ')}`}`;
}

function keysOf(node: ConfigNode | undefined): readonly string[] {
  const section = node?.kind === 'key' ? node.item : node;
  return section?.kind === 'section' ? [...section.keys.keys()] : [];
}

function wrongValue(path: readonly PropertyKey[], input: unknown): string {
  const node = nodeAt(path);
  const allowed = node?.kind === 'key' ? node.doc.allowed : `an object with ${keysOf(node).join(', ')}`;
  const value = valueAt(input, path);
  const subject = path.length === 0 ? 'the configuration' : dotted(path);
  if (value === undefined) return `${subject} is missing: it must be ${allowed}`;
  if (node?.kind === 'key' && node.doc.secret) return `${subject} must be ${allowed}`;
  return `${subject} is ${shorten(value)}, but must be ${allowed}`;
}

/** The value at a path. Where the schema saw more structure than was written, the innermost that is there. */
function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return value;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function shorten(value: unknown): string {
  // A server's URI in the wrong place must not show its secret either.
  const text = (JSON.stringify(value) ?? String(value)).replace(/((?:turns?|relay|coordinator):)[^"]*@/g, '$1…@');
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
