import type { Endpoint } from '../../core/net.js';

/**
 * How a NAT maps one socket towards several destinations (RFC 4787 §4.1), as far as STUN servers showed. `independent`: the same
 * port for all; `predictable`: another for each, one not far from the other; `random`: another for each; `unknown`: too few
 * servers to compare; `blocked`: no server answered over UDP.
 */
export const mappings = ['independent', 'predictable', 'random', 'unknown', 'blocked'] as const;
export type Mapping = (typeof mappings)[number];

/** Ports this far apart are neighbours: a NAT that counts, with the traffic of others in between. */
const maxStep = 16;
/** Ports after the last sample that are worth a check. */
const predictedPorts = 8;
const ports = { first: 1024, last: 65_535 };

/** @param samples what the servers saw, in the order in which they were asked */
export function mappingOf(samples: readonly Endpoint[]): Mapping {
  if (samples.length < 2) return 'unknown';
  const steps = stepsOf(samples);
  if (steps.length === 0) return 'independent';
  const counts = steps.every((step) => Math.abs(step) <= maxStep && Math.sign(step) === Math.sign(steps[0] ?? 0));
  return counts ? 'predictable' : 'random';
}

/**
 * Ports that a counting NAT will most likely take next. The step is what the samples have in common, so one that keeps the parity
 * (RFC 4787 §4.2.2) is met at every second port. Empty for every other NAT.
 */
export function predictPorts(samples: readonly Endpoint[]): number[] {
  if (mappingOf(samples) !== 'predictable') return [];
  const steps = stepsOf(samples);
  const step = steps.map(Math.abs).reduce(commonDivisor) * Math.sign(steps[0] ?? 0);
  const last = samples.at(-1)?.port ?? 0;
  const next = Array.from({ length: predictedPorts }, (_, index) => last + (index + 1) * step);
  return next.filter((port) => port >= ports.first && port <= ports.last);
}

/** Ports in a random order, each once, from those that a NAT gives to dynamic ones (RFC 4787 §4.2.2). */
export function* shuffledPorts(fraction: () => number): Generator<number> {
  const all = Array.from({ length: ports.last - ports.first + 1 }, (_, index) => ports.first + index);
  for (let left = all.length; left > 0; left--) {
    const index = Math.floor(fraction() * left);
    const port = all[index] ?? ports.first;
    all[index] = all[left - 1] ?? ports.first;
    yield port;
  }
}

/** From each sample to the next one that differs: several servers at one address may share a mapping. */
function stepsOf(samples: readonly Endpoint[]): number[] {
  return samples.flatMap(({ port }, index) => {
    const before = samples[index - 1];
    return before && before.port !== port ? [port - before.port] : [];
  });
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
