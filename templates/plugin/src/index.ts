import {
  type AttemptContext,
  type ByteStream,
  defineStrategy,
  describeError,
  type Endpoint,
  isPublicAddress,
  type Net,
  openListeningPort,
  type Path,
  ProvenStream,
  StrategyError,
  type StrategyServices,
  tcpPath,
  untilAborted,
} from 'ratatoskr';
import { z } from 'zod';

const optionsSchema = z.strictObject({
  /** How long an attempt may take, in milliseconds; the agent itself waits 30 s. */
  timeoutMs: z.number().int().min(1000).max(30_000).default(10_000),
});
type Options = z.infer<typeof optionsSchema>;

// What the peer sends is a stranger's word: whatever is dialled has been looked at first, and it is not much.
const offerSchema = z.object({
  addresses: z.array(z.string().refine(isPublicAddress)).max(4),
  port: z.number().int().min(1024).max(65_535),
});

/** Each end listens and says where. Whoever has a public address is dialled by the other. */
export default defineStrategy<Options>({
  name: '{{name}}',
  apiVersion: 1,
  options: optionsSchema,
  create: (options, services) => ({
    name: '{{name}}',
    probe: async () =>
      publicAddresses(services.net).length > 0
        ? { usable: 'yes' }
        : { usable: 'unknown', reason: 'This machine has no public address; the peer may have one.' },
    attempt: (context) => attempt(options, services, context),
  }),
});

async function attempt({ timeoutMs }: Options, { net, clock }: StrategyServices, context: AttemptContext): Promise<Path> {
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  // Anyone may connect, and waits in silence until the peer's proof has come.
  const streams = new ProvenStream(context);
  const listening = await openListeningPort(net, { onStream: (stream) => streams.offerIncoming(stream) });
  const timer = clock.setTimer(timeoutMs, () => over.abort(noPath(`The two ends did not meet within ${timeoutMs} ms.`)));
  try {
    return tcpPath(net, await Promise.race([meet(net, context, listening.port, streams, signal), untilAborted(signal)]));
  } finally {
    // Whatever is still being opened ends with it; the path goes on.
    over.abort(noPath('The attempt is over.'));
    timer.cancel();
    await listening.close();
  }
}

async function meet(
  net: Net,
  { channel }: AttemptContext,
  port: number,
  streams: ProvenStream,
  signal: AbortSignal,
): Promise<ByteStream> {
  const own = publicAddresses(net);
  await channel.send({ addresses: own, port });
  const offer = offerSchema.safeParse(await channel.receive());
  if (!offer.success) throw noPath('The peer sent an offer that is not valid.');
  const peer = offer.data;
  if (own.length === 0 && peer.addresses.length === 0) throw noPath('Neither end has a public address.');
  const outgoing = peer.addresses.map((address) => dial(net, { address, port: peer.port }, streams, signal));
  try {
    return await Promise.any(own.length > 0 ? [streams.proven, ...outgoing] : outgoing);
  } catch (cause) {
    const reasons = cause instanceof AggregateError ? cause.errors : [cause];
    throw noPath(`The peer cannot be reached: ${reasons.map((reason) => describeError(reason).message).join(', ')}.`, cause);
  }
}

async function dial(net: Net, remote: Endpoint, streams: ProvenStream, signal: AbortSignal): Promise<ByteStream> {
  const stream = await net.connectTcp({ remote, timeoutMs: 5000, signal });
  if (!(await streams.offer(stream, { speakFirst: true }))) throw new Error(`${remote.address} is somebody else`);
  return stream;
}

function publicAddresses(net: Net): string[] {
  const addresses = net.interfaces().map(({ address }) => address);
  return addresses.filter(isPublicAddress).slice(0, 4);
}

function noPath(message: string, cause?: unknown): StrategyError {
  return new StrategyError('STRATEGY_NO_PATH', message, { cause });
}
