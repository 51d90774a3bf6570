import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { KeptFile } from '../../src/core/kept-file.js';
import { MemoryFiles } from '../../src/testing/memory-files.js';
import { systemError } from '../../src/testing/system-error.js';

const schema = z.object({ version: z.literal(1), names: z.array(z.string()) });
const path = '/state/names.json';

describe('a kept file', () => {
  let files: MemoryFiles;
  let warnings: [string, Record<string, unknown> | undefined][];
  beforeEach(() => {
    files = new MemoryFiles();
    warnings = [];
  });

  function open() {
    const warn = (name: string, fields?: Record<string, unknown>) => void warnings.push([name, fields]);
    return new KeptFile('names', schema, { stateDir: '/state', files, log: { debug() {}, info() {}, warn, error() {} } });
  }

  it('has its content back after a restart', async () => {
    await open().write({ version: 1, names: ['north'] });
    expect(await open().read()).toEqual({ version: 1, names: ['north'] });
  });

  it('that is not there yet is nothing to tell', async () => {
    expect(await open().read()).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it.each([
    ['is no JSON', '{"version":1,"names":["secret', 'SyntaxError'],
    ['holds something else', '{"version":1,"names":"secret"}', 'ZodError'],
  ])('is told of once when it %s, without a word of what is in it', async (_how, text, reason) => {
    files.texts.set(path, text);
    const file = open();
    for (let time = 0; time < 2; time++) expect(await file.read()).toBeUndefined();
    expect(warnings).toMatchObject([['kept-file.unusable', { file: path, reason }]]);
    expect(JSON.stringify(warnings)).not.toContain('secret');
  });

  it('goes on, and is told of once, when the disk takes nothing', async () => {
    files.replace = async () => {
      throw systemError('ENOSPC', 'write', path);
    };
    const file = open();
    for (const name of ['north', 'south']) await file.write({ version: 1, names: [name] });
    expect(warnings).toMatchObject([['kept-file.unusable', { reason: 'ENOSPC' }]]);
  });

  it('is written in the order of the calls, however long each takes', async () => {
    const free: (() => void)[] = [];
    const { replace } = files;
    files.replace = async (...written) => {
      await new Promise<void>((resolve) => free.push(resolve));
      await replace.apply(files, written);
    };
    const file = open();
    const first = file.write({ version: 1, names: ['first'] });
    const second = file.write({ version: 1, names: ['second'] });
    await expect.poll(() => free.length).toBe(1);
    free[0]?.();
    await first;
    await expect.poll(() => free.length).toBe(2);
    free[1]?.();
    await second;
    expect(await file.read()).toEqual({ version: 1, names: ['second'] });
  });
});
