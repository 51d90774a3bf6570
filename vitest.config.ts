import { defineConfig } from 'vitest/config';

/** On time of their own and without a laboratory: first, and on every processor. */
const quick = { maxWorkers: '100%', sequence: { groupOrder: 0 } };
/** With the machine to themselves: the addon's threads, sanitizers and fuzzers, and what packs and installs. */
const alone = { maxWorkers: 1, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'plugins/*/test/**/*.test.ts'],
          exclude: ['plugins/*/test/conformance.test.ts'],
          setupFiles: ['test/reflect-metadata.ts'],
          ...quick,
        },
      },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], setupFiles: ['test/reflect-metadata.ts'], ...alone } },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], setupFiles: ['test/reflect-metadata.ts'], ...quick } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts', 'plugins/*/test/conformance.test.ts'],
          setupFiles: ['test/reflect-metadata.ts'],
          // On a clock of their own most take less than a second of the machine's; sixteen mebibytes take some.
          testTimeout: 60_000,
          ...quick,
        },
      },
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          globalSetup: ['scripts/setup/vitest-global-setup.mjs'],
          // Of the npm registry, and of dpkg, which syncs every file.
          testTimeout: 240_000,
          hookTimeout: 240_000,
          ...alone,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          globalSetup: ['scripts/setup/vitest-global-setup.mjs'],
          // Real routers and real waiting; a laboratory mostly waits.
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          // Laboratories side by side in each of them: more starve each other’s routers on two cores.
          maxConcurrency: 2,
          // After the quick ones.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
