import type { Clock, Timer } from '../core/clock.js';
import { EventHeap, type ScheduledEvent } from './event-heap.js';

/** What {@link VirtualClock.wallTime} counts from: 2026-01-01T00:00:00Z. */
const epoch = Date.UTC(2026, 0, 1);

/**
 * Time that passes only while someone runs it, and then as fast as the machine goes. Between two instants everything that is ready
 * to run does so, promises, streams and files included; so the same program with the same seed does the same things in the same order.
 */
export class VirtualClock implements Clock {
  private time = 0;
  private order = 0;
  private running = false;
  private readonly events = new EventHeap();
  private timers = 0;

  /** Milliseconds since the network was made, with fractions. */
  now(): number {
    return this.time;
  }

  wallTime(): number {
    return epoch + this.time;
  }

  /** Timers that have neither fired nor been cancelled. A program that has ended leaves none. */
  get pendingTimers(): number {
    return this.timers;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.timers += 1;
    const event = this.add(delayMs, callback, true);
    const done = () => {
      if (event.over) return;
      event.over = true;
      this.timers -= 1;
    };
    event.callback = () => {
      done();
      callback();
    };
    return { cancel: done };
  }

  /** An event of the network itself: nobody outside it hears of it before the next instant or timer. */
  schedule(delayMs: number, callback: () => void): Timer {
    const event = this.add(delayMs, callback, false);
    return {
      cancel: () => {
        event.over = true;
      },
    };
  }

  /** Lets so much time pass, in milliseconds. */
  run(durationMs: number): Promise<void> {
    return this.drive(() => false, this.time + durationMs);
  }

  /**
   * Lets time pass until a promise settles.
   * @param limitMs how much at most
   * @returns what it resolved to
   * @throws what it rejected with, or an Error when the time is up or nothing is left that could happen
   */
  async until<Value>(promise: Promise<Value>, limitMs = 600_000): Promise<Value> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    const end = this.time + limitMs;
    await this.drive(() => settled, end);
    if (settled) return promise;
    const reason = this.events.size === 0 ? 'nothing is left to happen' : `${limitMs} ms have passed`;
    throw new Error(`The simulation ended at ${this.time.toFixed(3)} ms without a result: ${reason}.`);
  }

  private add(delayMs: number, callback: () => void, settles: boolean): ScheduledEvent {
    const event = { at: this.time + Math.max(0, delayMs), order: this.order++, callback, settles, over: false };
    this.events.push(event);
    return event;
  }

  private drive(done: () => boolean, end: number): Promise<void> {
    if (this.running) return Promise.reject(new Error('The clock is running already: one run or until at a time.'));
    this.running = true;
    return new Promise<void>((resolve, reject) => {
      const step = () => {
        try {
          if (isProcessBusy()) return void setImmediate(step);
          if (done()) return resolve();
          if (this.fireNext(end)) return void setImmediate(step);
          if (Number.isFinite(end)) this.time = Math.max(this.time, end);
          resolve();
        } catch (error) {
          reject(error as Error);
        }
        return undefined;
      };
      setImmediate(step);
    }).finally(() => {
      this.running = false;
    });
  }

  /** Fires the events of the next instant, up to the first after which others have to be let run. @returns false when there is none before the end */
  private fireNext(end: number): boolean {
    const first = this.events.peek();
    if (!first || first.at > end) return false;
    this.time = first.at;
    for (let event = this.events.peek(); event && event.at <= this.time; event = this.events.peek()) {
      this.events.pop();
      event.callback();
      event.over = true;
      if (event.settles) break;
    }
    return true;
  }
}

/**
 * Is anything of this process still to run that is not waiting for time to pass? When an immediate runs, promises and ticks have
 * all been seen to; what is left are other immediates and the thread pool's work on files.
 */
function isProcessBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^(Immediate|FSReq|CloseReq)/.test(name));
}
