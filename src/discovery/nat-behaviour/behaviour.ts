/** `unknown` means not checked, or without a result: it is not a `no`. */
export type Known = 'yes' | 'no' | 'unknown';

/**
 * On what a mapping, or the filter before it, depends (RFC 4787 §4.1 and §5). `endpoint-dependent` is one of the two kinds of
 * dependence, of which there was no telling.
 */
export type Dependence =
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent'
  | 'endpoint-dependent'
  | 'unknown';

/** How the ports of new mappings are chosen (RFC 4787 §4.2.1): what a hole puncher can know of the next one. */
export interface PortAllocation {
  /** The local port as it is, the one after the last, or any. */
  readonly kind: 'preserving' | 'sequential' | 'random' | 'unknown';
  /** From one mapping to the next, when sequential: positive or negative, other than 0. */
  readonly delta?: number;
  /** External ports are even where local ones are, and odd where those are (RFC 4787 §4.2.2). */
  readonly parity: Known;
}

/** What is between us and the internet, as far as it is known. A plain record. */
export interface NatBehaviour {
  /** An address or port is translated on the way (RFC 5780 §4.3, test I). */
  readonly translated: Known;
  /** How external ports depend on the destination (RFC 4787 §4.1, tested as in RFC 5780 §4.3). */
  readonly mapping: Dependence;
  /** Who may send to an external port, of those we did not send to (RFC 4787 §5, tested as in RFC 5780 §4.4). */
  readonly filtering: Dependence;
  /** Two hosts behind the NAT reach each other by external addresses (RFC 4787 §6, tested as in RFC 5780 §4.5). */
  readonly hairpinning: Known;
  /** External ports are the local ones wherever possible (RFC 4787 §4.2.1). */
  readonly portPreservation: Known;
  /** How the ports of new mappings are chosen (RFC 4787 §4.2). */
  readonly portAllocation: PortAllocation;
  /** External ports belong to more than one external address (RFC 4787 §4.1, IP address pooling). */
  readonly severalAddresses: Known;
  /** An idle UDP mapping was seen alive after so many milliseconds, and gone after so many (RFC 4787 §4.3, RFC 5780 §4.6). */
  readonly lifetime: { readonly aliveMs?: number; readonly goneMs?: number };
  /** Servers whose word the majority contradicts; what they said counts for nothing above. */
  readonly doubtful: readonly string[];
}
