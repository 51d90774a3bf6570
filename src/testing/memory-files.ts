import { dirname } from 'node:path';
import type { Files } from '../core/files.js';
import { systemError } from './system-error.js';

/** Files in memory. */
export class MemoryFiles implements Files {
  /** Texts by path. */
  readonly texts = new Map<string, string>();

  async read(path: string): Promise<string> {
    const text = this.texts.get(path);
    if (text === undefined) throw systemError('ENOENT', 'open', path);
    return text;
  }

  async replace(path: string, text: string): Promise<void> {
    this.texts.set(path, text);
  }

  async create(path: string, text: string): Promise<void> {
    if (this.texts.has(path)) throw systemError('EEXIST', 'open', path);
    this.texts.set(path, text);
  }

  async rename(from: string, to: string): Promise<void> {
    this.texts.set(to, await this.read(from));
    this.texts.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.texts.delete(path);
  }

  async list(folder: string): Promise<readonly string[]> {
    return [...this.texts.keys()].filter((path) => dirname(path) === folder).map((path) => path.slice(folder.length + 1));
  }

  async makeFolder(): Promise<void> {}
}
