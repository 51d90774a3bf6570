import { runInLab } from './run-in-lab.mjs';

await runInLab('bench/bench.ts', { purpose: 'bench' });
