/** When a request over UDP is sent again (RFC 8489 §6.2.1). */
export interface Retransmission {
  /** RTO: milliseconds from the first request to the second; each later pause is twice the one before. @default 500 */
  readonly rtoMs?: number;
  /** Rc: how often the request is sent in all, 1 or more. @default 7 */
  readonly requests?: number;
  /** Rm: how many RTO an answer to the last request is waited for. @default 16 */
  readonly lastWait?: number;
}

/** Milliseconds to wait for an answer after each request: 500, 1000, ... 16000 and 8000 by default, 39.5 s in all. */
export function retransmissionWaits({ rtoMs = 500, requests = 7, lastWait = 16 }: Retransmission = {}): readonly number[] {
  return Array.from({ length: requests }, (_, index) => rtoMs * (index < requests - 1 ? 2 ** index : lastWait));
}
