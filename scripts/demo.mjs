import { runInLab } from './run-in-lab.mjs';

await runInLab('test/lab/demo.ts');
