import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { resolveDirectories } from '../core/config/directories.js';
import { type Config, type ConfigOverride, parseConfig } from '../core/config.js';
import { ConfigError } from '../core/errors.js';

/** Larger is no configuration but a mistake. */
const maxBytes = 4 * 1024 * 1024;

export interface ConfigSource {
  /** --config: a path, or `-` for standard input; undefined looks in the usual places. */
  readonly file: string | undefined;
  readonly overrides: readonly ConfigOverride[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number | undefined;
  readonly stdin: Readable;
  /** Where the system keeps its configuration. @default /etc/ratatoskr.conf */
  readonly systemFile?: string;
}

/** Reads the configuration now; as often as it is asked to. */
export class ConfigReader {
  private stdinText: string | undefined;

  constructor(private readonly source: ConfigSource) {}

  /**
   * @returns the configuration with its directories resolved, the name of what it was read from, and the folder where that is
   * @throws ConfigError
   */
  async read(): Promise<{ config: Config; from: string; folder: string }> {
    const { text, from, file } = await this.text();
    const folder = file === undefined ? process.cwd() : path.dirname(path.resolve(file));
    return { config: resolveDirectories(parseConfig(text, from, this.source.overrides)), from, folder };
  }

  /** `file` is undefined where there is none. */
  private async text(): Promise<{ text: string; from: string; file?: string }> {
    const { file, env, uid, systemFile = '/etc/ratatoskr.conf' } = this.source;
    if (file === '-') {
      // Standard input can be read once; a reload keeps what it said.
      this.stdinText ??= await readAll(this.source.stdin);
      return { text: this.stdinText, from: 'standard input' };
    }
    if (file !== undefined) return { text: await readText(file), from: file, file };
    const candidates = uid === 0 ? [systemFile] : [userFile(env), systemFile];
    for (const candidate of candidates) {
      try {
        return { text: await readText(candidate), from: candidate, file: candidate };
      } catch (error) {
        const { code } = (error as ConfigError).cause as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
      }
    }
    return { text: '', from: 'the defaults' };
  }
}

function userFile(env: ConfigSource['env']): string {
  const given = env.XDG_CONFIG_HOME;
  const base = given !== undefined && path.isAbsolute(given) ? given : path.join(env.HOME ?? homedir(), '.config');
  return path.join(base, 'ratatoskr', 'ratatoskr.conf');
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > maxBytes) throw new RangeError(`larger than ${maxBytes} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    throw new ConfigError('CONFIG_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array | string);
    size += bytes.length;
    if (size > maxBytes) throw new ConfigError('CONFIG_UNREADABLE', `standard input is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
