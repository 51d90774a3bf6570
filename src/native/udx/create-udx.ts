import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import type { ReliableUdp } from '../../core/reliable-udp.js';
import { type LoadedUdx, loadUdx } from './load-udx.js';
import { bindUdxSocket } from './socket.js';

/** The reliability layer, or why there is none here: one sentence for the operator. */
export type CreatedUdx = { readonly udp: ReliableUdp } | { readonly udp?: undefined; readonly reason: string };

export interface UdxServices {
  readonly clock: Clock;
  readonly random: Random;
  /** @default loadUdx() */
  readonly loaded?: LoadedUdx;
}

/** Reliable streams over UDP by udx-native: BBR, so loss does not slow them down. */
export function createUdx({ clock, random, loaded = loadUdx() }: UdxServices): CreatedUdx {
  if (!loaded.Udx) return { reason: loaded.reason };
  const { Udx } = loaded;
  return { udp: { bind: (options) => bindUdxSocket(new Udx(), options, { clock, random }) } };
}
