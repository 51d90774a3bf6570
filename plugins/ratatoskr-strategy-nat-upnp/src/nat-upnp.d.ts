/** What is used of nat-upnp 1.1.1, which brings no types. */
declare module 'nat-upnp' {
  type Callback<Result = unknown> = (error: Error | null, result?: Result) => void;

  export interface Device {
    /** Service types that {@link run} takes, the first found. */
    readonly services: string[];
    /** @param args names and values in the order that the service wants */
    run(action: string, args: readonly (readonly [name: string, value: string | number])[], callback: Callback): void;
  }

  export interface Client {
    /** Searches devices; an event `device` for each answer, until `end` is emitted. */
    readonly ssdp: { search(target: string): NodeJS.EventEmitter };
    /** Every call below begins with it. */
    findGateway: (callback: (error: Error | null, gateway?: Device, ownAddress?: string) => void) => void;
    portMapping(
      options: {
        readonly public: { readonly port: number };
        readonly private: { readonly port: number; readonly host: string };
        readonly protocol: string;
        readonly description: string;
        /** Seconds; 0 is for ever. */
        readonly ttl: number;
      },
      callback: Callback,
    ): void;
    portUnmapping(options: { readonly public: { readonly port: number }; readonly protocol: string }, callback: Callback): void;
    externalIp(callback: Callback<unknown>): void;
    close(): void;
  }

  const natUpnp: { createClient(): Client; readonly device: { create(url: string): Device } };
  export default natUpnp;
}
