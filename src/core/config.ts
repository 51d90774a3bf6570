import Hjson from 'hjson';
import { hjsonLines } from './config/hjson-lines.js';
import { type ConfigProblem, dotted, problemsOf } from './config/problems.js';
import { type Config, configSchema } from './config/schema.js';
import { ConfigError } from './errors.js';

export type { Config } from './config/schema.js';

/** A value that was given elsewhere than in the text and wins over it. */
export interface ConfigOverride {
  readonly path: readonly string[];
  readonly value: unknown;
  /** What to blame for it, such as `--admin`. */
  readonly origin: string;
}

/**
 * Reads a configuration: HJSON, of which JSON is a part. Empty text gives the defaults.
 * @param sourceName what messages call the text: a path, or `standard input`
 * @throws ConfigError CONFIG_SYNTAX, or CONFIG_INVALID with every problem on a line of its own: place, key, value, what is allowed
 */
export function parseConfig(text: string, sourceName: string, overrides: readonly ConfigOverride[] = []): Config {
  const input = parseText(text, sourceName);
  for (const override of overrides) apply(input, override);
  const { lines, duplicates } = hjsonLines(text);
  const result = configSchema.safeParse(input);
  const problems: ConfigProblem[] = duplicates.map((path) => ({ path, message: `${dotted(path)} is given twice` }));
  if (!result.success) problems.push(...problemsOf(result.error.issues, input));
  if (result.success && problems.length === 0) return result.data;

  const sentences = problems.map(({ path, message }) => {
    const origin = overrides.find((override) => override.path.every((step, index) => step === path[index]))?.origin;
    return { line: origin === undefined ? lineOf(lines, path) : undefined, origin, message };
  });
  sentences.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  throw new ConfigError(
    'CONFIG_INVALID',
    sentences
      .map(({ line, origin, message }) => `${origin ?? (line === undefined ? sourceName : `${sourceName}:${line}`)}: ${message}`)
      .join('\n'),
  );
}

/** The configuration of an agent that was told nothing. */
export function defaultConfig(): Config {
  return configSchema.parse({});
}

function parseText(text: string, sourceName: string): Record<string, unknown> {
  let value: unknown;
  try {
    const body = text.replace(/^\uFEFF/, '');
    value = onlyComments(body) ? {} : Hjson.parse(body);
    // Without braces the parser takes an object that it cannot read for one long string; with them it says what is wrong.
    if (typeof value === 'string' && value.includes(':')) value = Hjson.parse(`{${body}\n}`);
  } catch (error) {
    throw syntaxError(error, sourceName);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError('CONFIG_SYNTAX', `${sourceName}: a configuration is an object of keys and values`);
  }
  return value as Record<string, unknown>;
}

function onlyComments(text: string): boolean {
  return text.replace(/\/\*[\s\S]*?\*\/|(?:#|\/\/).*$/gm, '').trim() === '';
}

function syntaxError(error: unknown, sourceName: string): ConfigError {
  const { message, hint } = error as { message: string; hint?: string };
  const parts = /^([\s\S]*) at line (\d+),\d+ >>>/.exec(message);
  const place = parts ? `${sourceName}:${parts[2]}` : sourceName;
  const advice = hint ? '; a value without quotes runs to the end of its line, so quote it when something follows' : '';
  return new ConfigError('CONFIG_SYNTAX', `${place}: ${parts?.[1] ?? message}${advice}`, { cause: error });
}

function apply(input: Record<string, unknown>, { path, value }: ConfigOverride): void {
  let target = input;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(target, step) ? target[step] : undefined;
    const section = typeof next === 'object' && next !== null && !Array.isArray(next) ? (next as Record<string, unknown>) : {};
    target[step] = section;
    target = section;
  }
  const key = path.at(-1);
  if (key !== undefined) target[key] = value;
}

/** The line of a value, or of the innermost thing around it that has one. */
function lineOf(lines: ReadonlyMap<string, number>, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(JSON.stringify(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return undefined;
}
