import { setTimeout as delay } from 'node:timers/promises';
import type { LabProcess } from '../../test/lab/process.js';

/** Part of one processor that a program takes over the next while. */
export async function cpuShare(program: LabProcess, durationMs: number): Promise<number> {
  const [before, startedAt] = [await program.cpuSeconds(), performance.now()];
  await delay(durationMs);
  return ((await program.cpuSeconds()) - before) / ((performance.now() - startedAt) / 1000);
}
