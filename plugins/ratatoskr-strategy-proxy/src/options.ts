import { isAbsolute } from 'node:path';
import { isPublicAddress } from 'ratatoskr';
import { z } from 'zod';
import { maxPlaces, portSchema } from './messages.js';
import { type ProxyAddress, parseProxyUri } from './proxy-uri.js';

const proxy = z.string().transform((text, context): ProxyAddress => {
  const parsed = parseProxyUri(text);
  if (typeof parsed !== 'string') return parsed;
  // The text may hold a password, so it is not repeated.
  context.addIssue({ code: 'custom', message: parsed });
  return z.NEVER;
});

const listen = z.strictObject({
  /** Port to listen on while an attempt is under way: 443, which is what many proxies allow, or 1024 to 65535. */
  port: portSchema,
  /** Where the world reaches that port. @default the public addresses of this machine */
  addresses: z.array(z.string().refine(isPublicAddress, 'not a public address')).min(1).max(maxPlaces).optional(),
});

export const optionsSchema = z.strictObject({
  /** `socks5://[USER@]HOST[:PORT]` or `http://[USER@]HOST[:PORT]`: what goes out goes through it. @default none, connect directly */
  proxy: proxy.optional(),
  /** File whose first line is the proxy's password. @default the environment variable RATATOSKR_PROXY_SECRET */
  secretFile: z.string().refine(isAbsolute, 'not an absolute path').optional(),
  /** @default the peer is not let in */
  listen: listen.optional(),
});
export type Options = z.infer<typeof optionsSchema>;
