import { z } from 'zod';

/** An option of strategies whose paths are TCP connections. yggdrasil encrypts what it carries itself, so by default nothing is sealed twice. */
export const sealOption = z
  .boolean()
  .default(false)
  .describe(
    'Seals paths with TLS 1.3, as those by udx are, so that the network in between sees no yggdrasil. Either end asking is enough; it costs processor time.',
  );

/** Part of what an end says of itself: it asks for a sealed path. */
export const sealWish = z.boolean().default(false);
