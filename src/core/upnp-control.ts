import type { Net } from './net.js';
import type { WorkerOptions } from './with-worker.js';

/** Names and values of an action's arguments, in the order that the service wants. */
export type ActionArguments = readonly (readonly [name: string, value: string | number])[];

/** Calls an action of a gateway. @returns the body of the SOAP envelope: an object with the response, by its name */
type InvokeAction = (action: string, args: ActionArguments) => Promise<unknown>;

/** With UPnP's own errors `failed` is given their sentence. */
interface ControlOptions extends Omit<WorkerOptions, 'source' | 'data'> {
  /** Where the device describes itself. */
  readonly url: URL;
  readonly net: Net;
}

/**
 * Calls actions of a gateway's WAN connection service (UPnP WANIPConnection:1 and :2, WANPPPConnection:1) while `use` runs. Nothing
 * is open afterwards.
 */
export type UpnpControl = <Result>(options: ControlOptions, use: (invoke: InvokeAction) => Promise<Result>) => Promise<Result>;
