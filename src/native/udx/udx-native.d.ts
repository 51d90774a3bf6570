/** What we use of udx-native 1.21, which comes without types. */
declare module 'udx-native' {
  import type { EventEmitter } from 'node:events';

  class UDX {
    createSocket(options?: { readonly ipv6Only?: boolean; readonly reuseAddress?: boolean }): UDX.Socket;
    /** @param id what the other end's packets for this stream carry, 32 bits */
    createStream(id: number): UDX.Stream;
  }

  namespace UDX {
    interface Socket extends EventEmitter {
      readonly closing: boolean;
      /** Throws an Error with a system code. */
      bind(port: number, host: string): void;
      address(): { readonly host: string; readonly family: 4 | 6; readonly port: number } | null;
      /** Throws for an address of another family than the socket's. */
      trySend(data: Uint8Array, port: number, host: string, ttl?: number): void;
      setTTL(ttl: number): void;
      setRecvBufferSize(bytes: number): void;
      setSendBufferSize(bytes: number): void;
      /** Resolves when its last stream has closed and its descriptor is gone. */
      close(): Promise<void>;
      on(event: 'message', listener: (data: Buffer, from: { readonly host: string; readonly port: number }) => void): this;
    }

    /** A streamx Duplex, which is alike but not the same as Node's: only what is listed is relied on. */
    interface Stream extends EventEmitter {
      /** Smoothed round trip in milliseconds, 0 before the first. */
      readonly rtt: number;
      connect(socket: Socket, remoteId: number, port: number, host: string): void;
      /** The buffer belongs to the stream until the other end has acknowledged it. */
      write(data: Uint8Array): boolean;
      end(): void;
      /** Tells the other end, once. */
      destroy(): void;
      on(event: 'data', listener: (data: Buffer) => void): this;
      on(event: 'end' | 'close', listener: () => void): this;
      on(event: 'error', listener: (error: Error) => void): this;
    }
  }

  export = UDX;
}
