/** On what a mapping, or the filter before it, depends (RFC 4787 §4.1 and §5). */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** How a NAT behaves, in the terms of RFC 4787 (UDP) and RFC 5382 (TCP). */
export interface NatBehaviour {
  /** For which destinations a new mapping is made (RFC 4787 §4.1). @default 'endpoint-independent' */
  readonly mapping?: Dependence;
  /** Who may send to a mapping, beside those it was sent to from (RFC 4787 §5). @default 'address-and-port-dependent' */
  readonly filtering?: Dependence;
  /**
   * External port of a new mapping (RFC 4787 §4.2.1). `preserving`: the internal one unless another host has it, then any;
   * `sequential`: the next free one after the last; `random`: any free one. @default 'preserving'
   */
  readonly allocation?: 'preserving' | 'sequential' | 'random';
  /** External addresses. @default 1 */
  readonly pool?: number;
  /** With several: one for each internal address, or any for each mapping (RFC 4787 §4.1). @default 'paired' */
  readonly pooling?: 'paired' | 'arbitrary';
  /** Inside hosts reach each other by external addresses (RFC 4787 §6). @default false */
  readonly hairpinning?: boolean;
  /** Milliseconds that an idle UDP mapping lives (RFC 4787 §4.3). @default 120000 */
  readonly udpLifetimeMs?: number;
  /** What keeps a UDP mapping alive (RFC 4787 §4.3). @default 'outbound' */
  readonly refresh?: 'outbound' | 'both';
  /** Answer to a TCP segment that nobody expects (RFC 5382 REQ-4): silence, or a RST. @default 'drop' */
  readonly unexpected?: 'drop' | 'reset';
  /** @default true */
  readonly forwardsUdp?: boolean;
}
