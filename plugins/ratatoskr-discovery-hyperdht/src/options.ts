import { z } from 'zod';

/** As the configuration has them. */
export const optionsSchema = z.strictObject({
  /** What the peers share. Whoever knows it learns their keys. */
  passphrase: z.string().min(12).max(1000),
  /** Nodes to enter the DHT by, as `host:port`. @default those of hyperdht's makers */
  bootstrap: z
    .array(
      z
        .string()
        .regex(/^[^\s:]+:\d{1,5}$/, 'must be host:port')
        .transform((text) => {
          const [host = '', port] = text.split(':');
          return { host, port: Number(port) };
        }),
    )
    .min(1)
    .max(16)
    .optional(),
  /** Pause between announcements in the long run, in seconds; the first ones follow each other faster. */
  interval: z.number().int().min(30).max(900).default(300),
  /** Peers taken from one look at the DHT. */
  maxPeers: z.number().int().min(1).max(256).default(64),
});

export type Options = z.output<typeof optionsSchema>;
