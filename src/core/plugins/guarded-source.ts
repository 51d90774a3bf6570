import { z } from 'zod';
import { aborted } from '../aborted.js';
import { isAddressOf } from '../config/peer-rule.js';
import { withDeadline } from '../deadline.js';
import type { DiscoveryContext, DiscoverySource, FoundPeer } from '../discovery-source.js';
import { describeError, PluginError } from '../errors.js';
import { News } from '../news.js';
import { isOverlayAddress } from '../overlay-address.js';
import type { GuardParts } from './plugin-kind.js';

/** How long a source may take to give back what it has, in milliseconds: it has to fit into what a stopping agent has. */
const closeDeadlineMs = 2000;
/** The longest that a find may last, in milliseconds. */
const maxExpiryMs = 24 * 3_600_000;

/** A plugin's discovery source, held to the contract: what it breaks is its own failure, with its name, and nobody else's. */
export class GuardedSource implements DiscoverySource {
  readonly name: string;
  private readonly news: News;

  /** @param inner what the plugin's `create` returned @throws PluginError PLUGIN_INVALID */
  constructor(
    private readonly inner: DiscoverySource,
    private readonly parts: GuardParts,
  ) {
    this.name = parts.name;
    this.news = new News(parts.clock);
    if (typeof (inner as Partial<DiscoverySource> | null | undefined)?.run !== 'function') {
      throw new PluginError('PLUGIN_INVALID', `${this.name}: create() did not return a discovery source.`);
    }
  }

  /** Resolves soon after the abort, whatever the plugin does. */
  async run({ self, signal, found }: DiscoveryContext): Promise<void> {
    const { clock, log, pluginLog } = this.parts;
    const run = (async () => this.inner.run({ self, signal, found: (peer) => this.check(peer, found) }))();
    // Whichever comes first; what comes later is nobody's any more.
    run.catch(() => {});
    try {
      await Promise.race([run, aborted(signal)]);
      if (!signal.aborted) return;
      await withDeadline(run, {
        clock,
        timeoutMs: closeDeadlineMs,
        expired: () => this.misbehaved(`did not end within ${closeDeadlineMs / 1000} s`),
      });
    } catch (error) {
      if (!signal.aborted) throw error;
      const { code } = describeError(error);
      if (code === 'PLUGIN_MISBEHAVED') log.error('discovery.close-failed', { source: this.name, ...describeError(error) });
    } finally {
      pluginLog.close();
    }
  }

  private check(peer: FoundPeer, found: (peer: FoundPeer) => void): void {
    const parsed = foundSchema.safeParse(peer);
    if (parsed.success) {
      const { asked, ...told } = parsed.data;
      found(asked ? { ...told, asked: (answered) => this.pass(asked, answered) } : told);
      return;
    }
    const [issue] = parsed.error.issues;
    const failure = describeError(this.misbehaved(`told of a peer that is none: ${issue?.path.join('.')}: ${issue?.message}`));
    if (this.news.isNew(failure.message)) this.parts.log.warn('discovery.find-refused', { source: this.name, ...failure });
  }

  private pass(asked: (answered: boolean) => void, answered: boolean): void {
    try {
      asked(answered);
    } catch (error) {
      const failure = describeError(this.misbehaved(`failed when it was told of an answer: ${describeError(error).message}`));
      if (this.news.isNew(failure.message)) this.parts.log.warn('discovery.find-refused', { source: this.name, ...failure });
    }
  }

  private misbehaved(what: string): PluginError {
    return new PluginError('PLUGIN_MISBEHAVED', `The plugin’s discovery source ${this.name} ${what}.`);
  }
}

const foundSchema = z
  .object({
    key: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'is not 64 hex digits')
      .toLowerCase(),
    address: z.string().refine(isOverlayAddress, 'is no overlay address').exactOptional(),
    expiresInMs: z
      .custom<number>((value) => typeof value === 'number' && value > 0, 'is no number above 0')
      .transform((ms) => Math.min(ms, maxExpiryMs)),
    keepTrying: z.boolean().exactOptional(),
    purpose: z.enum(['path', 'services']).exactOptional(),
    toldBy: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'is not 64 hex digits')
      .toLowerCase()
      .exactOptional(),
    asked: z.custom<(answered: boolean) => void>((value) => typeof value === 'function', 'is no function').exactOptional(),
  })
  .refine(({ key, address }) => address === undefined || isAddressOf(address, key), {
    path: ['address'],
    message: 'is not the one that derives from the key',
  });
