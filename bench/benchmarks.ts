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
  {
    name: 'l1-parallel',
    file: 'l1-parallel.ts',
    about: 'a thousand hits in this process at once',
    servers: ['redis'],
  },
  {
    name: 'l2-hit',
    file: 'l2-hit.ts',
    about: 'a hit in Redis, alone and a hundred at once',
    servers: ['redis'],
  },
  {
    name: 'miss',
    file: 'miss.ts',
    about: 'a key that nobody holds, alone and a hundred at once',
    servers: ['redis'],
  },
  {
    name: 'stampede',
    file: 'stampede.ts',
    about: 'a cold key, four processes, 250 callers each: loads',
    servers: ['redis'],
  },
];
