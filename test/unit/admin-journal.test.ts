import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPeerJournal } from '../../src/core/admin/peer-journal.js';
import { EventRecord, scratchFolder } from './admin-fake.js';

async function journalled() {
  const folder = await scratchFolder();
  const events = new EventRecord();
  return { folder, file: join(folder, 'peers.json'), events, open: () => openPeerJournal(folder, events.source) };
}

describe('the journal of peerings', () => {
  it('begins empty, and writes nothing by being opened', async () => {
    const { folder, open } = await journalled();
    expect((await open()).entries()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('knows after a restart what was added and not removed', async () => {
    const { open } = await journalled();
    const journal = await open();
    for (const peer of ['unix:///a', 'unix:///b', 'tcp://127.0.0.1:5']) await journal.put(peer);
    await journal.delete('unix:///b');
    expect((await open()).entries()).toEqual(['unix:///a', 'tcp://127.0.0.1:5']);
  });

  it('has every entry on disk when its promise resolves, however many are added at once', async () => {
    const { open } = await journalled();
    const journal = await open();
    const peers = Array.from({ length: 50 }, (_, index) => `unix:///${index}`);
    const seen = await Promise.all(
      peers.map(async (peer) => {
        await journal.put(peer);
        return (await open()).has(peer);
      }),
    );
    expect(seen.every(Boolean)).toBe(true);
  });

  it('is for its user alone', async () => {
    const { file, open } = await journalled();
    await (await open()).put('unix:///a');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('leaves no draft behind', async () => {
    const { folder, open } = await journalled();
    await (await open()).put('unix:///a');
    expect(await readdir(folder)).toEqual(['peers.json']);
  });

  it.each([
    ['half a write', '{"version": 1, "pe'],
    ['another version', '{"version": 2, "peers": []}'],
    ['something that is no peer', '{"version": 1, "peers": ["unix:///a", "--help"]}'],
    ['a password', '{"version": 1, "peers": [{"uri": "unix:///a?password=x"}]}'],
    ['nothing', ''],
  ])('sets a file with %s aside with a warning', async (_what, text) => {
    const { file, events, open } = await journalled();
    await writeFile(file, text);
    const journal = await open();
    expect(journal.entries()).toEqual([]);
    expect(await readFile(`${file}.corrupt`, 'utf8')).toBe(text);
    expect(events.of('log')).toMatchObject([{ level: 'warn', name: 'journal.corrupt' }]);
    await journal.put('unix:///b');
    expect((await open()).entries()).toEqual(['unix:///b']);
  });

  it('does not enter what it cannot write', async () => {
    const { folder, open } = await journalled();
    const journal = await open();
    await rm(folder, { recursive: true });
    await expect(journal.put('unix:///a')).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
    expect(journal.has('unix:///a')).toBe(false);
  });

  it('writes again after a write that failed', async () => {
    const { folder, open } = await journalled();
    const journal = await open();
    await rm(folder, { recursive: true });
    await journal.put('unix:///a').catch(() => undefined);
    await open();
    await journal.put('unix:///b');
    expect((await open()).entries()).toEqual(['unix:///b']);
  });

  it('says so when its folder cannot be', async () => {
    const { file, events } = await journalled();
    await writeFile(file, '');
    await expect(openPeerJournal(file, events.source)).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
  });
});
