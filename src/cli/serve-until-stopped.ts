import type { Clock } from '../core/clock.js';
import { EventLogger } from '../core/event-logger.js';
import { EventSource } from '../core/events.js';
import type { Logger } from '../core/logger.js';
import { EventLog, type EventLogOptions } from './event-log.js';
import { exitCodes } from './exit-codes.js';
import type { Host } from './supervisor.js';

export interface ServingSurroundings {
  readonly clock: Clock;
  /** Where SIGTERM and SIGINT come from. */
  readonly host: Host;
  /** Where the log goes. */
  readonly out: (text: string) => unknown;
}

/**
 * Runs what is no agent until the first SIGTERM or SIGINT; the next one ends the process, whatever it is closing then.
 * @param name that of the command
 * @param serve gives back what it holds once it is stopped, or has failed
 * @returns the exit code
 * @throws what `serve` throws
 */
export async function serveUntilStopped(
  name: string,
  logging: EventLogOptions,
  { clock, host, out }: ServingSurroundings,
  serve: (log: Logger, stopped: Promise<void>) => Promise<void>,
): Promise<number> {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const ignore = () => {
    for (const signal of signals) host.off(signal, stop);
  };
  for (const signal of signals) host.on(signal, stop);
  void stopped.then(ignore);
  const eventLog = new EventLog(logging, { write: out });
  try {
    await serve(new EventLogger(new EventSource(name, () => clock.wallTime())), stopped);
    return exitCodes.ok.code;
  } finally {
    ignore();
    eventLog.close();
  }
}

const signals = ['SIGTERM', 'SIGINT'];
