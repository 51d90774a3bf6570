import type { Readable } from 'node:stream';

/**
 * Takes exactly `length` bytes off a paused stream and leaves the rest in it.
 * @param length 1 to the stream's high-water mark
 * @throws Error when the stream ends or breaks first, or the signal's reason when it aborts
 */
export function readExactly(stream: Readable, length: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      stream.off('readable', onReadable);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      stream.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onReadable = () => {
      const chunk = stream.read(length) as Buffer | null;
      if (chunk === null) return;
      if (chunk.length === length) settle(() => resolve(chunk));
      else onEnd();
    };
    const onEnd = () => settle(() => reject(new Error('the stream ended')));
    const onError = (error: Error) => settle(() => reject(error));
    const onAbort = () => settle(() => reject(signal.reason as Error));
    if (signal.aborted) return reject(signal.reason as Error);
    if (stream.destroyed || stream.readableEnded) return reject(stream.errored ?? new Error('the stream ended'));
    stream.on('readable', onReadable);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    stream.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    onReadable();
    return undefined;
  });
}
