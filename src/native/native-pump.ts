import type net from 'node:net';
import { BridgeError, type RatatoskrError } from '../core/errors.js';
import { decodeAgentFrame, encodeAgentFrame } from '../core/frames/agent-frames.js';
import type { PathDelays } from '../core/frames/delay-meter.js';
import { type Pump, type PumpCounters, type PumpOptions, type Pumps, silenceMs } from '../core/pump.js';
import type { Addon } from './addon.js';
import { canHandOver, flushed, handOver } from './byte-stream.js';

/** Pumps on the addon's thread for streams that are descriptors, and others for the rest. */
export function createNativePumps(addon: Addon, others: Pumps): Pumps {
  return {
    start(options) {
      const { path, router } = options;
      if (!canHandOver(path) || !canHandOver(router)) return others.start(options);
      return new NativePump(addon, path, router, options);
    },
  };
}

/** Places of the numbers that the pump writes, as in link.h. */
const field = { bytesIn: 0, bytesOut: 1, dropped: 2, transitIn: 3, transitOut: 4, rtt: 5, leastRtt: 6, out: 7, in: 8 } as const;

class NativePump implements Pump {
  readonly ended: Promise<RatatoskrError>;
  private settle: (reason: RatatoskrError) => void = () => {};
  private ending = false;
  private link: { readonly id: number; readonly numbers: Float64Array } | undefined;
  private onClosed = () => {};

  constructor(
    private readonly addon: Addon,
    private readonly path: net.Socket,
    private readonly router: net.Socket,
    options: PumpOptions,
  ) {
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
    path.once('close', () => void this.end(new BridgeError('PATH_CLOSED', 'The path ended: it was closed.')));
    router.once('close', () => void this.end(new BridgeError('LINK_CLOSED', 'The router’s socket was closed.')));
    void this.begin(options);
  }

  get counters(): PumpCounters {
    const at = (place: number) => this.link?.numbers[place] ?? 0;
    return {
      bytesIn: at(field.bytesIn),
      bytesOut: at(field.bytesOut),
      dropped: at(field.dropped),
      transitIn: at(field.transitIn),
      transitOut: at(field.transitOut),
    };
  }

  get delays(): PathDelays | undefined {
    const at = (place: number) => this.link?.numbers[place] ?? Number.NaN;
    if (Number.isNaN(at(field.rtt))) return undefined;
    return { rttMs: at(field.rtt), leastRttMs: at(field.leastRtt), outMs: at(field.out), inMs: at(field.in) };
  }

  async end(reason: RatatoskrError): Promise<void> {
    if (!this.ending) {
      this.ending = true;
      const { link } = this;
      if (link) {
        const closed = new Promise<void>((resolve) => {
          this.onClosed = resolve;
        });
        this.addon.closeLink(link.id, encodeAgentFrame({ kind: 'end', code: reason.code, message: reason.message }));
        await closed;
      }
      this.router.destroy();
      this.path.destroy();
      this.settle(reason);
    }
    await this.ended;
  }

  /** What was written before us goes first, and what was read is carried too. */
  private async begin({ hidden, keepBackMs = 0, ownKey, peerKey }: PumpOptions): Promise<void> {
    const { path, router } = this;
    await Promise.all([flushed(path), flushed(router)]);
    if (this.ending) return;
    try {
      const [fromPath, fromRouter] = [handOver(path), handOver(router)];
      const early = { fromPath: fromPath.early, fromRouter: fromRouter.early };
      const { id, counters } = this.addon.carry(
        { path: fromPath.fd, router: fromRouter.fd, hidden, keepBackMs: Math.ceil(keepBackMs), ownKey, peerKey, ...early },
        (cause, error, words) => void this.end(reasonOf(cause, error, words)),
        () => this.onClosed(),
      );
      this.link = { id, numbers: new Float64Array(counters) };
    } catch (error) {
      await this.end(new BridgeError('PATH_CLOSED', `The path cannot be used: ${(error as Error).message}.`, { cause: error }));
    }
  }
}

/** @param cause as numbered in link.h */
function reasonOf(cause: number, error: Error | undefined, words: Buffer): RatatoskrError {
  switch (cause) {
    case 1:
      return new BridgeError('PATH_CLOSED', 'The path ended: the other agent closed it.');
    case 2:
      return new BridgeError('PATH_CLOSED', `The path ended: ${error?.message}.`, { cause: error });
    case 3:
      return new BridgeError('LINK_MALFORMED', 'What comes on the path is not what yggdrasil’s routers say to each other.');
    case 4:
      return new BridgeError('LINK_CLOSED', 'The router closed the link.');
    case 5:
      return new BridgeError('LINK_CLOSED', `The router broke the link (${error?.message}).`, { cause: error });
    case 6:
      return new BridgeError('LINK_MALFORMED', 'What comes from the router is not what yggdrasil’s routers say to each other.');
    case 7:
      return new BridgeError('PATH_SILENT', `Nothing has come on the path for ${silenceMs / 1000} s.`);
    default: {
      const frame = decodeAgentFrame(words);
      const why = frame?.kind === 'end' ? `${frame.message} (${frame.code})` : 'for no reason that it gave';
      return new BridgeError('PEER_ENDED', `The peer took the bridge down: ${why}.`);
    }
  }
}
