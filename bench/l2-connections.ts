/**
 * Shows if more connections to Redis help (`connections` of `redis()`, `REDIS_CONNECTIONS` of the service): many values
 * of 1 MB at once, and small reads that may have to wait behind them. `bun run bench l2-connections`
 */
import { createCache, type LoaderContext } from 'tiercel';
import { redis } from 'tiercel/redis';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { compare } from './support/compare.ts';
import { Source } from './support/opened.ts';
import { isQuick, median, percentile, progress } from './support/report.ts';
import { LIFETIMES, noL1 } from './support/tiercel.ts';
import { BIG, SMALL } from './support/values.ts';

const CONNECTIONS = [1, 2, 4];
const BIG_AT_ONCE = isQuick() ? 3 : 4;
const BIG_READERS = 2;
const SMALL_READS = isQuick() ? 10 : 20;
const OPTIONS = { ...LIFETIMES, l2Timeout: '10s' } as const;

const SMALL_KEY = 'small:1';
const bigKeys = Array.from({ length: BIG_AT_ONCE }, (_, index) => `big:${index}`);
const subjectOf = (connections: number): string => `tiercel (${connections} connection${connections === 1 ? '' : 's'})`;

interface Reader {
  readonly name: string;
  readonly read: (key: string) => Promise<unknown>;
}

/** Opens a cache. All caches read the same entries, over different connections. */
async function open(owner: AsyncDisposableStack, url: string, connections: number, { load }: Source): Promise<Reader> {
  const cache = owner.use(createCache({ l1: noL1(), ...redis(url, { namespace: 'connections', connections }) }));
  await cache.ready();
  const loader = ({ key }: LoaderContext) => load(key);
  return { name: subjectOf(connections), read: (key) => cache.getOrSet(key, loader, OPTIONS) };
}

/** Measures reads of 1 MB a second. */
async function bigRate({ read }: Reader): Promise<number> {
  const began = performance.now();
  await Promise.all(bigKeys.map(read));
  return (BIG_AT_ONCE * 1_000) / (performance.now() - began);
}

/** Measures the milliseconds of small reads while other readers read big values without a pause. */
async function smallBehindBig({ read }: Reader): Promise<number[]> {
  let isReading = true;
  const readers = Array.from({ length: BIG_READERS }, async (_, index) => {
    while (isReading) await read(`big:${index}`);
  });
  const times: number[] = [];
  for (let count = 0; count < SMALL_READS; count += 1) {
    const began = performance.now();
    await read(SMALL_KEY);
    times.push(performance.now() - began);
  }
  isReading = false;
  await Promise.all(readers);
  return times;
}

async function measure(owner: AsyncDisposableStack): Promise<Measured> {
  const { url } = owner.use(await startRedis());
  const source = new Source((key) => (key === SMALL_KEY ? SMALL.value : BIG.value));
  const readers: Reader[] = [];
  for (const connections of CONNECTIONS) readers.push(await open(owner, url, connections, source));
  await source.fill(readers, [SMALL_KEY, ...bigKeys]);
  const to = subjectOf(1);
  const turns = (turn: (reader: Reader) => Promise<number>) =>
    readers.map((reader) => ({ name: reader.name, turn: () => turn(reader) }));
  progress('l2-connections: big values');
  const big = await compare(turns(bigRate), { circumstances: `1 MB, ${BIG_AT_ONCE} at once`, unit: '/s', to });
  const rows = [...big.rows];
  progress('l2-connections: small values behind big ones');
  const times = new Map<string, number[]>();
  const waits = turns(async (reader) => {
    const found = await smallBehindBig(reader);
    times.set(reader.name, [...(times.get(reader.name) ?? []), ...found]);
    return median(found);
  });
  const behind = `97 B, while ${BIG_READERS} others read 1 MB`;
  rows.push(...(await compare(waits, { circumstances: `${behind}, p50`, unit: 'ms', to })).rows);
  for (const [subject, found] of times) {
    rows.push({ subject, case: `${behind}, p99`, figure: percentile(found, 99), unit: 'ms' });
  }
  return { rows: [...rows, ...source.rows('with any number of connections')] };
}

await benchmark('l2-connections', measure);
