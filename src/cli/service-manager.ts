import { type Clock, every, type Timer } from '../core/clock.js';
import { AgentError } from '../core/errors.js';

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  /** Sends one datagram; undefined where the native addon is missing. */
  readonly send: ((message: { readonly socket: string; readonly state: string }) => void) | undefined;
  /** Hears why the manager cannot be told, once. */
  readonly failed: (error: AgentError) => void;
}

/**
 * Tells the service manager how the agent does, by the protocol of sd_notify(3). Where none waits to be told, nothing happens. The
 * watchdog says that timers of this process run, twice within the time that the manager allows.
 */
export class ServiceManager {
  private watchdog: Timer | undefined;
  private deaf = false;

  constructor(private readonly options: ServiceManagerOptions) {}

  /** The agent is at work; from now on the watchdog counts. */
  ready(): void {
    this.tell('READY=1');
    this.watch();
  }

  stopping(): void {
    this.tell('STOPPING=1');
  }

  /** Ends the watchdog's timer. Idempotent. */
  close(): void {
    this.watchdog?.cancel();
    this.deaf = true;
  }

  private watch(): void {
    const { env, pid, clock } = this.options;
    const microseconds = Number(env.WATCHDOG_USEC);
    // A child inherits the variables, but not the duty.
    if (!(microseconds > 0) || (env.WATCHDOG_PID && env.WATCHDOG_PID !== String(pid)) || this.deaf) return;
    this.watchdog = every(clock, microseconds / 2_000, () => this.tell('WATCHDOG=1'));
  }

  private tell(state: string): void {
    const { env, send, failed } = this.options;
    const { NOTIFY_SOCKET: socket } = env;
    if (!socket || this.deaf) return;
    try {
      if (!send) throw new Error('there is no native addon');
      send({ socket, state });
    } catch (cause) {
      this.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      failed(new AgentError('SERVICE_MANAGER_UNTOLD', `The service manager cannot be told "${state}": ${reason}.`, { cause }));
    }
  }
}
