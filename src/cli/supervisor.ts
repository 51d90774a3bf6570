import type { Clock, Timer } from '../core/clock.js';
import type { Config } from '../core/config.js';
import { describeError, RatatoskrError } from '../core/errors.js';
import { EventSource } from '../core/events.js';
import { exitCodes } from './exit-codes.js';

/** The life of an agent, as the command line needs it. */
export interface SupervisedAgent {
  start(): Promise<void>;
  stop(): Promise<void>;
  reconfigure(config: Config): Promise<void>;
}

/** What the supervisor hears from the system; `process` fits it. */
export interface Host {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
}

export interface SupervisorOptions {
  readonly agent: SupervisedAgent;
  readonly host: Host;
  readonly clock: Clock;
  /** Reads the configuration again; its rejection is reported and the old one stays. */
  readonly reread: () => Promise<Config>;
  /** How long stopping may take: gateways are slow at times, and service managers wait for 10 s. @default 8000 ms */
  readonly stopDeadlineMs?: number;
}

/**
 * Runs an agent until the system or a failure ends it. SIGTERM and SIGINT stop it in order, a second one ends the wait at
 * once, SIGHUP reloads the configuration, and what nobody caught is logged and stops it.
 * @returns the exit code; the process is to end with it even if something still runs
 */
export async function supervise({ agent, host, clock, reread, stopDeadlineMs = 8_000 }: SupervisorOptions): Promise<number> {
  const events = new EventSource('cli', () => clock.wallTime());
  const fail = (name: string, error: unknown) =>
    events.publish('log', { level: 'error', name, fields: { ...describeError(error) } });

  let code: number = exitCodes.ok.code;
  let stopRequested = false;
  let requestStop = () => {};
  const stopping = new Promise<void>((resolve) => {
    requestStop = resolve;
  });
  let giveUp = () => {};
  const givenUp = new Promise<'given up'>((resolve) => {
    giveUp = () => resolve('given up');
  });

  const stop = (exitCode: number) => {
    code = Math.max(code, exitCode);
    stopRequested = true;
    requestStop();
  };
  const onSignal = () => {
    if (stopRequested) giveUp();
    else stop(exitCodes.ok.code);
  };
  const onCrash = (error: unknown) => {
    fail('process.unexpected', error);
    stop(exitCodes.failed.code);
  };
  let reloading: Promise<void> = Promise.resolve();
  const onReload = () => {
    // One after the other, so that the last file wins.
    reloading = reloading
      .then(async () => {
        if (!stopRequested) await agent.reconfigure(await reread());
      })
      .catch((error: unknown) => fail('config.reload-failed', error));
  };
  const listeners: readonly [string, (...values: unknown[]) => void][] = [
    ['SIGTERM', onSignal],
    ['SIGINT', onSignal],
    ['SIGHUP', onReload],
    ['uncaughtException', onCrash],
    ['unhandledRejection', onCrash],
  ];
  let timer: Timer | undefined;
  for (const [name, listener] of listeners) host.on(name, listener);
  try {
    void agent.start().catch((error: unknown) => {
      // Being stopped is no failure to start.
      if (stopRequested) return;
      fail('agent.start-failed', error);
      stop(exitCodeOf(error));
    });
    await stopping;

    const deadline = new Promise<'too late'>((resolve) => {
      timer = clock.setTimer(stopDeadlineMs, () => resolve('too late'));
    });
    const ended = Promise.resolve()
      .then(() => agent.stop())
      .then(
        () => 'stopped' as const,
        (error: unknown) => {
          fail('agent.stop-failed', error);
          return 'failed' as const;
        },
      );
    const outcome = await Promise.race([ended, deadline, givenUp]);
    if (outcome === 'too late') {
      events.publish('log', { level: 'error', name: 'agent.stop-overdue', fields: { deadlineMs: stopDeadlineMs } });
    }
    return outcome === 'stopped' ? code : Math.max(code, exitCodes.failed.code);
  } finally {
    timer?.cancel();
    for (const [name, listener] of listeners) host.off(name, listener);
  }
}

/** What a failure to start is told to the caller as. */
function exitCodeOf(error: unknown): number {
  if (!(error instanceof RatatoskrError)) return exitCodes.failed.code;
  if (error.code === 'ALREADY_RUNNING') return exitCodes.alreadyRunning.code;
  return error.name === 'ConfigError' ? exitCodes.config.code : exitCodes.failed.code;
}
