/** The router as the rest of the core sees it; the admin client implements it, tests and the simulated network stand in for it. */
export interface Router {
  /** Who the router is; undefined while there is none. */
  readonly self: RouterSelf | undefined;
  /** Credentials of the router's process, where the admin socket tells (unix only). */
  readonly process: { readonly pid: number; readonly uid: number } | undefined;
  /** Its sessions. Their counters may be those of a later look as soon as there is one. */
  sessions(signal?: AbortSignal): Promise<readonly RouterSession[]>;
  /** @param wanted which of its peers are asked for @default all */
  peers(signal?: AbortSignal, wanted?: (peer: RouterPeer) => boolean): Promise<readonly RouterPeer[]>;
  /** Adds a peering. Journalled before the router hears of it, so that a crash cannot leave it behind. */
  addPeer(uri: string, signal?: AbortSignal): Promise<void>;
  /** Removes a peering that we added; any other URI is refused. Succeeds when it is gone already. */
  removePeer(uri: string): Promise<void>;
}

export interface RouterSelf {
  /** 64 hex digits. */
  readonly key: string;
  /** Overlay address, 200::/7, in canonical form. */
  readonly address: string;
  /** `0.5.14`, or `unknown` for builds without a version. */
  readonly version: string;
}

export interface RouterSession {
  readonly key: string;
  readonly address: string;
  /** Payload bytes since the session began, headers of the overlay included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface RouterPeer {
  /** URI as it was added, less its query; undefined for some inbound links. */
  readonly uri: string | undefined;
  readonly up: boolean;
  readonly inbound: boolean;
  /** 64 hex digits; undefined before the link handshake has ended. */
  readonly key: string | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Milliseconds, as the router measured it. */
  readonly latencyMs: number | undefined;
  readonly lastError: string | undefined;
}
