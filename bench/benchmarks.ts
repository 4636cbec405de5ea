/** One benchmark: a program of its own that leaves `bench/results/<name>.json` behind. */
export interface Benchmark {
  readonly name: string;
  /** Relative to this folder. */
  readonly file: string;
  /** What it measures, in a line of `--help`. */
  readonly about: string;
  /** The servers that it starts. */
  readonly servers: readonly ('redis' | 'postgres')[];
}

/** All of them, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'l1-hit',
    file: 'l1-hit.ts',
    about: 'a hit in this process: nanoseconds and bytes of heap a call',
    servers: ['redis'],
  },
];
