import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Diagnosis, diagnosisSchema } from '../../../src/cli/doctor.js';
import type { Finding } from '../../../src/doctor/finding.js';
import type { Host } from '../host.js';
import { publicAddresses } from '../topology.js';

export const program = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

export interface Examination extends Diagnosis {
  readonly exitCode: number | null;
  /** Its problems other than that there is no router, where that is so on purpose. */
  readonly problems: readonly Finding[];
}

export interface ExamineOptions {
  /** Admin socket; undefined for one that is not there. */
  readonly admin?: string;
  /** STUN servers. @default the public peer's two */
  readonly stun?: readonly string[];
  readonly args?: readonly string[];
  /** What to run it by. */
  readonly by?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs `ratatoskr doctor` on a host. */
export async function examine(host: Host, options: ExamineOptions = {}): Promise<Examination> {
  const { admin, stun = publicAddresses.map((address) => `${address}:3478`), args = [], by = [], env = {} } = options;
  const file = join(host.folder, 'doctor.json');
  for (const folder of ['state', 'run']) mkdirSync(join(host.folder, folder), { recursive: true, mode: 0o700 });
  const where = { stateDir: `${host.insideFolder}/state`, runtimeDir: `${host.insideFolder}/run` };
  writeFileSync(file, JSON.stringify({ ...where, stun, admin: admin ?? `unix://${host.insideFolder}/none.sock` }));
  const argv = [...by, process.execPath, program, 'doctor', '--json', '--config', `${host.insideFolder}/doctor.json`, ...args];
  const run = host.spawn(argv, { name: 'doctor', env });
  const lines: string[] = [];
  run.read((line) => lines.push(line));
  const { code } = await run.exited;
  const diagnosis = diagnosisSchema.parse(JSON.parse(lines.join('\n')));
  const problems = diagnosis.findings.filter(
    ({ state, check }) => state === 'problem' && (check !== 'router' || admin !== undefined),
  );
  return { ...diagnosis, exitCode: code, problems };
}
