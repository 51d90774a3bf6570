import { type SearchOptions, type ServerAnswers, searchServers } from './server-search.js';
import type { StunTransactions } from './stun-transactions.js';

export interface UdpDiscoveryOptions extends SearchOptions {
  /** Of the socket to ask about. All servers are asked from there. */
  readonly transactions: StunTransactions;
}

/** How the internet sees a local UDP port. The NAT keeps the mapping while the socket goes on sending. */
export interface ExternalUdpAddress extends ServerAnswers {
  /** Answers that came from elsewhere than the servers that were asked, and were not believed. */
  readonly strays: number;
}

/**
 * Asks several STUN servers at once over UDP, from one socket. Resolves soon after the first answer, or when all have failed.
 * Requests are repeated within `timeoutMs` (RFC 8489 §6.2.1).
 * @throws only the signal's reason
 */
export async function discoverExternalUdpAddress(options: UdpDiscoveryOptions): Promise<ExternalUdpAddress> {
  const { transactions } = options;
  const before = transactions.strays;
  const answers = await searchServers(options, async (remote, limits) => (await transactions.bind(remote, limits)).mapped);
  return { ...answers, strays: transactions.strays - before };
}
