import type { Clock } from './clock.js';
import type { Net } from './net.js';

/** Names and values of an action's arguments, in the order that the service wants. */
export type ActionArguments = readonly (readonly [name: string, value: string | number])[];

/** Calls an action of a gateway. @returns the body of the SOAP envelope: an object with the response, by its name */
type InvokeAction = (action: string, args: ActionArguments) => Promise<unknown>;

interface ControlOptions {
  /** Where the device describes itself. */
  readonly url: URL;
  readonly net: Net;
  readonly clock: Clock;
  /** Milliseconds for all calls together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to reject with when the time is up. */
  readonly expired: () => Error;
  /** What to reject with when the device refuses, or is none. @param reason for UPnP's own errors their sentence */
  readonly failed: (reason: string) => Error;
}

/**
 * Calls actions of a gateway's WAN connection service (UPnP WANIPConnection:1 and :2, WANPPPConnection:1) while `use` runs. Nothing
 * is open afterwards.
 */
export type UpnpControl = <Result>(options: ControlOptions, use: (invoke: InvokeAction) => Promise<Result>) => Promise<Result>;
