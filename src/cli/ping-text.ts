import type { z } from 'zod';
import type { pingSchema } from '../control/schemas.js';
import { milliseconds } from '../figures.js';

/** `ratatoskr ping` for people. */
export function pingText(peer: string, { rttMs, bridge }: z.infer<typeof pingSchema>): string {
  const way = bridge
    ? `${bridge.kind === 'direct' ? 'direct' : `relayed by ${bridge.relay}`}, by ${bridge.strategy}`
    : 'over the overlay';
  return `${peer}: ${milliseconds(rttMs)}, ${way}\n`;
}
