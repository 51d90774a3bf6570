import { createRequire } from 'node:module';
import type Udx from 'udx-native';

/** The library, or why there is none: one sentence for the operator. */
export type LoadedUdx = { readonly Udx: typeof Udx } | { readonly Udx?: undefined; readonly reason: string };

/** Loads udx-native, which has no build for some systems. Never throws. */
export function loadUdx(require: (name: string) => unknown = createRequire(import.meta.url)): LoadedUdx {
  try {
    return { Udx: require('udx-native') as typeof Udx };
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    const here = `${process.platform}-${process.arch}`;
    return { reason: `udx-native has no build that runs here, on ${here} (${line.replace(/\.$/, '')}).` };
  }
}
