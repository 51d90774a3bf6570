import path from 'node:path';
import { AgentError } from './errors.js';
import { type Files, systemFiles } from './files.js';

/** Keeps a second agent, or relay, off one runtime folder. */
export interface RunLock {
  release(): Promise<void>;
}

/**
 * Takes the folder, making it private first. A lock whose process is gone is taken over.
 * @throws AgentError ALREADY_RUNNING, RUNTIME_DIR_UNUSABLE
 */
export async function takeRunLock(runtimeDir: string, files = systemFiles): Promise<RunLock> {
  const file = path.join(runtimeDir, 'agent.lock');
  try {
    await files.makeFolder(runtimeDir);
    for (let tries = 0; tries < 3; tries++) {
      const holder = await holderOf(file, files);
      if (holder !== undefined) {
        throw new AgentError('ALREADY_RUNNING', `Process ${holder} already runs with ${runtimeDir}.`);
      }
      await files.remove(file);
      const text = `${process.pid} ${(await startOf(process.pid, files)) ?? ''}\n`;
      const taken = await files.create(file, text).then(() => true, ifCode('EEXIST'));
      if (taken) return { release: () => files.remove(file) };
    }
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('RUNTIME_DIR_UNUSABLE', `${runtimeDir} cannot be used: ${(error as Error).message}.`, { cause: error });
  }
  throw new AgentError('ALREADY_RUNNING', `Another process is starting with ${runtimeDir}.`);
}

async function holderOf(file: string, files: Files): Promise<number | undefined> {
  const text = await files.read(file).catch(ifCode('ENOENT'));
  const [, pid, start] = /^(\d+) (\d*)$/m.exec(text ?? '') ?? [];
  if (!pid) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // The number may have gone to another process since.
  const now = await startOf(Number(pid), files);
  return now === undefined || now === start ? Number(pid) : undefined;
}

/** When a process started, in the kernel's ticks since boot (proc(5), field 22 of stat); undefined where there is no /proc. */
async function startOf(pid: number, files: Files): Promise<string | undefined> {
  const stat = await files.read(`/proc/${pid}/stat`).catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function ifCode(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
    return undefined;
  };
}
