import type { Transport } from 'ratatoskr';

/** What the worker is told when it starts. */
export interface WorkerData {
  /** Address of the default gateway: nothing else is listened to or asked. */
  readonly gateway: string;
  /** Our own address towards it. */
  readonly own: string;
  /** Where it describes itself, when that is known. */
  readonly location: string | undefined;
}

interface Mapping {
  readonly transport: Transport;
  readonly externalPort: number;
}

/** A mapping as the gateway lists it. */
export interface Entry {
  readonly host: string;
  readonly port: number;
  /** 0 is for ever (WANIPConnection:1 §2.2.20). */
  readonly leaseSeconds: number;
}

/** What the worker does. */
export type Call =
  | { readonly name: 'find' }
  | { readonly name: 'externalAddress' }
  | (Mapping & {
      readonly name: 'map';
      readonly internalPort: number;
      readonly lifetimeSeconds: number;
      readonly description: string;
    })
  | (Mapping & { readonly name: 'unmap' })
  | (Mapping & { readonly name: 'entry' });

/** What it answers. */
export interface Answers {
  /** The URL of the gateway's description. */
  find: string;
  externalAddress: string;
  map: undefined;
  unmap: undefined;
  /** Undefined when there is no such mapping. */
  entry: Entry | undefined;
}
