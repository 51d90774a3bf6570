import { request } from 'node:http';
import { type ByteStream, type Endpoint, formatEndpoint, StrategyError } from 'ratatoskr';
import type { Credentials } from './secret.js';

/** Asks for a tunnel (RFC 9110 section 9.3.6). @throws StrategyError STRATEGY_NO_PATH with the proxy's status */
export function requestTunnel(stream: ByteStream, target: Endpoint, credentials: Credentials | undefined): Promise<void> {
  const authority = formatEndpoint(target);
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, connection: 'keep-alive', ...(credentials ? authorization(credentials) : {}) },
      createConnection: () => stream,
    });
    asked.on('error', reject);
    asked.once('connect', ({ statusCode = 0 }, _stream, head) => {
      // The peer's first words, which came with the answer.
      if (head.length > 0) stream.unshift(head);
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(refused(statusCode));
    });
    asked.end();
  });
}

/** RFC 7617. */
function authorization({ user, password }: Credentials): Record<string, string> {
  return { 'proxy-authorization': `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

function refused(status: number): StrategyError {
  return status === 407
    ? new StrategyError('STRATEGY_NO_PATH', 'The proxy wants a user and a password, or others than it got (407).', {
        help: 'Name the user in the option proxy, and its password in secretFile or RATATOSKR_PROXY_SECRET.',
      })
    : new StrategyError('STRATEGY_NO_PATH', `The proxy makes no connection to the peer: status ${status}.`, {
        help: 'See which ports the proxy connects to; 443 is allowed by most.',
      });
}
