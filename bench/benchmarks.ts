/** One benchmark: a program of its own that writes `bench/results/<name>.json`. */
export interface Benchmark {
  readonly name: string;
  /** The path of the program, relative to this folder. */
  readonly file: string;
  /** Describes the measurement in a line of `--help`. */
  readonly about: string;
  /** The servers that it starts. */
  readonly servers: readonly ('redis' | 'postgres')[];
  /** True if it runs only when it is named: it takes long, or prints figures instead of a result. */
  readonly onlyByName?: boolean;
}

/** All benchmarks, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'l1-hit',
    file: 'l1-hit.ts',
    about: 'a hit in this process: nanoseconds and heap a call',
    servers: ['redis'],
  },
  { name: 'l1-parallel', file: 'l1-parallel.ts', about: 'a thousand hits in this process at once', servers: ['redis'] },
  { name: 'l2-hit', file: 'l2-hit.ts', about: 'a hit in Redis, alone and a hundred at once', servers: ['redis'] },
  {
    name: 'l2-connections',
    file: 'l2-connections.ts',
    about: 'big values over 1, 2, 4 connections',
    servers: ['redis'],
  },
  { name: 'miss', file: 'miss.ts', about: 'a key that no tier holds, alone and a hundred at once', servers: ['redis'] },
  {
    name: 'stampede',
    file: 'stampede.ts',
    about: 'a cold key, four processes: how often it is loaded',
    servers: ['redis'],
  },
  { name: 'stalled-redis', file: 'stalled-redis.ts', about: 'what callers feel while Redis hangs', servers: ['redis'] },
  {
    name: 'invalidation',
    file: 'invalidation.ts',
    about: 'from a delete, or an UPDATE, to the L1 of another process',
    servers: ['redis', 'postgres'],
  },
  { name: 'memory', file: 'memory.ts', about: 'bytes an entry, and how well maxBytes knows them', servers: [] },
  {
    name: 'http',
    file: 'http/http.ts',
    about: 'the service over HTTP by wrk: hits, 304s, reads of Redis and PostgreSQL, telemetry',
    servers: ['redis', 'postgres'],
  },
  {
    name: 'catalog',
    file: 'catalog/catalog.ts',
    about: 'a thousand clients of two instances, with the cache and without, and while Redis is away',
    servers: ['redis', 'postgres'],
  },
  {
    name: 'scale',
    file: 'scale/scale.ts',
    about: 'throughput, latency and memory by connections, instances, sizes and keys, as plots',
    servers: ['redis', 'postgres'],
  },
  {
    name: 'cost-of-checks',
    file: 'cost-of-checks.ts',
    about: 'peek with every check and with the TTL alone',
    servers: [],
    onlyByName: true,
  },
  {
    name: 'cost-of-heartbeats',
    file: 'cost-of-heartbeats.ts',
    about: 'what an instance in use costs Redis',
    servers: ['redis'],
    onlyByName: true,
  },
  {
    name: 'cost-of-answer-times',
    file: 'cost-of-answer-times.ts',
    about: 'counting the time of every answer',
    servers: [],
    onlyByName: true,
  },
  {
    name: 'cost-of-invalidations',
    file: 'cost-of-invalidations.ts',
    about: 'how long an invalidation of tags holds up a process with 10,000 loads',
    servers: [],
    onlyByName: true,
  },
  {
    name: 'compression',
    file: 'compression.ts',
    about: 'whether it pays to compress values on their way to Redis',
    servers: ['redis'],
    onlyByName: true,
  },
  {
    name: 'trigger-overhead',
    file: 'trigger-overhead.ts',
    about: 'what the triggers of the outbox cost a writer (3 min)',
    servers: ['postgres'],
    onlyByName: true,
  },
  {
    name: 'growth',
    file: 'growth.ts',
    about: 'what a million keys leave behind (minutes)',
    servers: ['redis'],
    onlyByName: true,
  },
];
