import { z } from 'zod';
import { withDeadline } from '../deadline.js';
import { describeError, PluginError, StrategyError } from '../errors.js';
import type { AttemptContext, Path, Probe, ProbeContext, Strategy } from '../strategy.js';
import type { GuardParts } from './plugin-kind.js';

/** How long a plugin may take for each, in milliseconds. Closing has to fit into what a stopping agent has. */
const deadlinesMs = { probe: 10_000, start: 30_000, close: 2000 } as const;

/** A plugin's strategy, held to the contract: what it breaks is its own failure, with its name, and nobody else's. */
export class GuardedStrategy implements Strategy {
  readonly name: string;
  private closing: Promise<void> | undefined;

  /** @param inner what the plugin's `create` returned @throws PluginError PLUGIN_INVALID */
  constructor(
    private readonly inner: Strategy,
    private readonly parts: GuardParts,
  ) {
    this.name = parts.name;
    if (!isStrategy(inner)) throw new PluginError('PLUGIN_INVALID', `${this.name}: create() did not return a strategy.`);
  }

  get reroutes(): boolean {
    return this.inner.reroutes === true;
  }

  async probe({ signal }: ProbeContext): Promise<Probe> {
    const over = new AbortController();
    try {
      const context = { signal: AbortSignal.any([signal, over.signal]) };
      const probe = probeSchema.safeParse(await this.within('probe', async () => this.inner.probe?.(context), signal));
      if (probe.success) return probe.data ?? { usable: 'unknown' };
      throw this.misbehaved('answered its probe with something that is none');
    } finally {
      over.abort(new StrategyError('ATTEMPT_ABORTED', 'The probe is over.'));
    }
  }

  start(): Promise<void> {
    return this.within('start', async () => this.inner.start?.());
  }

  /** Throwing, hanging and aborting are dealt with where attempts run, which is the same for all strategies. */
  async attempt(context: AttemptContext): Promise<Path> {
    const path: unknown = await this.inner.attempt(context);
    if (isStream(path)) {
      // What breaks is noticed by reading; an error that nobody listens for would end the agent.
      path.on('error', () => {});
      if (isPathInfo(path.info)) return path;
      path.destroy();
    }
    throw this.misbehaved('resolved an attempt with something that is no path');
  }

  /** Never rejects. */
  close(): Promise<void> {
    this.closing ??= this.within('close', async () => this.inner.close?.())
      .catch((error: unknown) => {
        this.parts.log.error('strategy.close-failed', { strategy: this.name, ...describeError(error) });
      })
      .finally(() => this.parts.pluginLog.close());
    return this.closing;
  }

  private within<T>(step: keyof typeof deadlinesMs, run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const timeoutMs = deadlinesMs[step];
    return withDeadline(run(), {
      clock: this.parts.clock,
      timeoutMs,
      ...(signal ? { signal } : {}),
      expired: () => this.misbehaved(`did not end its ${step} within ${timeoutMs / 1000} s`),
    });
  }

  private misbehaved(what: string): StrategyError {
    return new StrategyError('PLUGIN_MISBEHAVED', `The plugin’s strategy ${this.name} ${what}.`);
  }
}

const probeSchema = z.object({ usable: z.enum(['yes', 'no', 'unknown']), reason: z.string().exactOptional() }).optional();
const pathInfoSchema = z.object({ kind: z.enum(['direct', 'relayed']), local: z.string(), remote: z.string() });

function isPathInfo(value: unknown): boolean {
  return pathInfoSchema.safeParse(value).success;
}

function isStrategy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { attempt, probe, start, close } = value as Strategy;
  return typeof attempt === 'function' && [probe, start, close].every((part) => part === undefined || typeof part === 'function');
}

/** A Duplex by what it can do: streams come from other implementations than Node's, too. */
function isStream(value: unknown): value is Path {
  if (typeof value !== 'object' || value === null) return false;
  const methods = ['on', 'off', 'read', 'write', 'end', 'pipe', 'destroy'] as const;
  return methods.every((method) => typeof (value as Path)[method] === 'function');
}
