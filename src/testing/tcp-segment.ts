import type { TcpHeader } from './packet.js';

export interface Segment {
  readonly header: TcpHeader;
  readonly payload: Uint8Array;
}
