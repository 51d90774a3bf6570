import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a private file as a whole: after a crash it holds either the old text or the new one. @throws the system's error */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  await synced(draft, 'w', (handle) => handle.writeFile(text));
  await rename(draft, file);
  // Windows cannot open folders; its renames are journalled.
  if (process.platform !== 'win32') await synced(dirname(file), 'r', async () => undefined);
}

async function synced(
  path: string,
  flags: string,
  work: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const handle = await open(path, flags, 0o600);
  try {
    await work(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
