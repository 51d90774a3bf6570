/**
 * Hears of every rejection that nobody handles and every exception that nobody catches, in place of whoever heard of them before.
 * @returns what ends it and tells what came up
 */
export function watchForStrays(): () => Promise<readonly string[]> {
  const strays: string[] = [];
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const ends = events.map((event) => {
    const before = process.listeners(event as 'uncaughtException');
    const listener = (error: unknown) => {
      const what =
        event === 'unhandledRejection' ? 'a promise was rejected and nobody handled it' : 'an exception that nobody caught';
      strays.push(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    };
    process.removeAllListeners(event);
    process.on(event, listener);
    return () => {
      process.off(event, listener);
      for (const each of before) process.on(event, each);
    };
  });
  return async () => {
    // Node looks for rejections that nobody handles after each turn of its loop.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const end of ends) end();
    return strays;
  };
}
