import { runInLab } from './run-in-lab.mjs';

await runInLab('test/lab/hidden-watch.ts');
