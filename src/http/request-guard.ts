import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Failure } from '../control/schemas.js';
import { type ErrorCode, errorCatalogue } from '../core/error-catalogue.js';

export interface GuardOptions {
  /** Names that a browser may ask for beside addresses and localhost, in lower case. */
  readonly names: readonly string[];
  /** What changes need, as a bearer token (RFC 6750); undefined where nothing can be changed. */
  readonly token: string | undefined;
}

export interface GuardedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly error: Failure;
}

/**
 * Why a request over TCP is refused, if it is. Any page that a browser on this machine shows can send requests here, so what comes must
 * name this place and nothing that a stranger could point at it (DNS rebinding), must not come from another site, and must know the
 * token if it is to change anything.
 */
export function refusalOf({ method, headers }: GuardedRequest, { names, token }: GuardOptions): Refusal | undefined {
  const { host, origin, authorization, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const name = nameOf(host);
  // An address cannot be rebound; localhost is this machine in every browser (RFC 6761 §6.3).
  if (name === undefined || !(isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.includes(name))) {
    return refusal(421, 'HTTP_HOST_REFUSED', `${JSON.stringify(host ?? '')} is no name of this agent.`);
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return refusal(403, 'HTTP_ORIGIN_REFUSED', `Pages of ${origin} may not ask this agent.`);
  }
  // What a page embeds, an image for instance, has no Origin. A link that somebody follows is no harm.
  const followed = mode === 'navigate' && method === 'GET';
  if ((site === 'cross-site' || site === 'same-site') && !followed) {
    return refusal(403, 'HTTP_ORIGIN_REFUSED', 'Pages of other sites may not ask this agent.');
  }
  if (method !== 'GET' && method !== 'HEAD' && !(token && isSame(authorization ?? '', `Bearer ${token}`))) {
    return refusal(401, 'HTTP_TOKEN_MISSING', 'Over HTTP nothing can be changed without the token.');
  }
  return undefined;
}

function refusal(status: Refusal['status'], code: ErrorCode, message: string): Refusal {
  return { status, error: { code, message, help: errorCatalogue[code].help } };
}

/** The host of a Host header (RFC 9110 §7.2), in lower case and without port and brackets. */
function nameOf(host: string | undefined): string | undefined {
  const [, ipv6, name] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(host ?? '') ?? [];
  return (ipv6 ?? name)?.toLowerCase();
}

/** Takes as long for any two texts. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
