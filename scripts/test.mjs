import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { root } from './setup/project.mjs';
import { setUp } from './setup/set-up.mjs';
import { main } from './setup/step.mjs';

// npm test [-- arguments of vitest]: brings the machine up to it, runs every test, ends with one line of counts.
await main(async () => {
  await setUp({ purpose: 'tests' });
  const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
  const reporters = ['--reporter=default', `--reporter=${fileURLToPath(new URL('summary-reporter.mjs', import.meta.url))}`];
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'close');
  return code ?? 1;
});
