import { spawnSync } from 'node:child_process';

/** Something the reader of the message has to mend: it is shown without a stack. */
export class SetUpError extends Error {}

/** One progress line. On stderr, because stdout belongs to what runs after the set-up. */
export function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/**
 * Runs a command to its end.
 * @returns its stdout
 * @throws SetUpError with the end of its output when it fails
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  if (result.status === 0) return result.stdout;
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
  throw new SetUpError(
    `\`${[command, ...args].join(' ')}\` failed: ${result.error?.message ?? `exit ${result.status}`}\n${output}`,
  );
}

/** Where users look, and the folders of system tools that an unprivileged user's PATH often lacks. */
export function completePath() {
  const folders = (process.env.PATH ?? '').split(':').filter(Boolean);
  for (const folder of ['/usr/local/sbin', '/usr/sbin', '/sbin']) if (!folders.includes(folder)) folders.push(folder);
  process.env.PATH = folders.join(':');
}

/** Runs a set-up and what follows it; a {@link SetUpError} becomes its message and exit code 1. */
export async function main(body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
