import 'reflect-metadata';
import { say } from '../case.js';
import { type ScaleOptions, simulateScale } from './simulate.js';

/** One size in a process of its own: options as JSON in, figures as JSON out. */
const options = JSON.parse(process.argv[2] ?? '{}') as ScaleOptions;
process.stdout.write(`${JSON.stringify(await simulateScale(options, say))}\n`);
