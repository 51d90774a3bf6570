/** What the process tells its caller by its exit code, with the meaning that --help prints. */
export const exitCodes = {
  ok: { code: 0, meaning: 'all went well' },
  failed: { code: 1, meaning: 'it failed at run time, or could not stop in time' },
  usage: { code: 2, meaning: 'the command line was wrong' },
  config: { code: 3, meaning: 'the configuration was wrong' },
  alreadyRunning: { code: 4, meaning: 'another agent is running for this router' },
} as const satisfies Record<string, { code: number; meaning: string }>;
