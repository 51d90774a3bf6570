import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from './setup/project.mjs';
import { setUp } from './setup/set-up.mjs';
import { main } from './setup/step.mjs';

/** Brings the machine up to it, then runs a TypeScript program of the laboratory with our own arguments; its exit code is ours. */
export function runInLab(program, { purpose } = {}) {
  return main(async () => {
    const args = process.argv.slice(2);
    if (!args.includes('--help')) await setUp({ purpose });
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], { cwd: root, stdio: 'inherit' });
    // A terminal sends its Ctrl-C to both; the program ends in its own way, and we after it.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    const [code] = await once(child, 'close');
    return code ?? 1;
  });
}
