/** What every case is told; each has its own idea of how much of it applies. */
export interface BenchOptions {
  /** Runs of each measurement; medians count. */
  readonly repeat: number;
  /** How long one flow lasts. */
  readonly seconds: number;
  /** Path of a yggdrasil-jumper to measure beside ours. */
  readonly jumper: string | undefined;
  /** A checkout of ygg-p2p-agent to measure beside ours. */
  readonly poc: string | undefined;
}

/** One part of the suite: measures, and later tells what it has measured. */
export interface BenchCase<Figures = unknown> {
  readonly name: string;
  /** Of its section, and what its figures mean. */
  readonly title: string;
  readonly intro: string;
  /** Completes "measures". */
  readonly about: string;
  measure(options: BenchOptions): Promise<Figures>;
  /** The tables of its section of docs/performance.md, from figures of this run or of an earlier one. */
  section(figures: Figures): string;
}

/** Progress, for people; results go to stdout and into files. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
