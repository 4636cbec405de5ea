import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { Zipf } from '../../tests/soak/zipf.ts';
import type { RedisServer } from '../../tests/support/redis-server.ts';
import { MOST_ENTRIES } from '../support/peer.ts';
import { isQuick, progress, type Row } from '../support/report.ts';
import { openLibrary, readsPerSecond } from './library.ts';
import { draw } from './plot.ts';

const COUNTS = isQuick() ? [1_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000];
/** The time before the measurement, and the measurement itself. Milliseconds. */
const [WARM_UP_MS, MS] = isQuick() ? [200, 300] : [4_000, 3_000];
const AT_ONCE = 100;
/** The keys are drawn beforehand, since drawing is no part of a read. */
const DRAWS = 2 ** 18;
const SEED = 20_261_126;

/** Measures reads a second over more and more keys, popular ones more often, and the tiers that answer them. */
export async function measureKeys(server: RedisServer): Promise<Row[]> {
  const rows: Row[] = [];
  const [throughput, nearby]: [number, number][][] = [[], []];
  for (const count of COUNTS) {
    progress(`scale: ${count} keys`);
    await using owner = new AsyncDisposableStack();
    const cache = await openLibrary(owner, server.url);
    const ids = draws(count);
    const read = (turn: number) => {
      const id = ids[turn % DRAWS] ?? 0;
      return cache.getOrSet(`thing:${id}`, () => ({ id, name: `The thing with the number ${id}` }));
    };
    await readsPerSecond(read, AT_ONCE, WARM_UP_MS);
    const before = cache.stats();
    const perSecond = await readsPerSecond(read, AT_ONCE, MS);
    const after = cache.stats();
    const asked = after.hits + after.misses - before.hits - before.misses;
    const share = (part: number) => (100 * part) / asked;
    const l1 = share(after.tiers.l1.hits - before.tiers.l1.hits);
    throughput?.push([count, perSecond]);
    nearby?.push([count, l1]);
    const circumstances = { subject: 'library, Zipf', case: `${count.toLocaleString('en')} keys` };
    rows.push(
      { ...circumstances, figure: perSecond / 1_000, unit: 'k/s' },
      { ...circumstances, figure: l1, unit: '% from L1' },
      { ...circumstances, figure: share(after.misses - before.misses), unit: '% loaded' },
    );
  }
  draw('scale-keys', {
    title: 'Reads by number of keys',
    about: `The library in one process, ${AT_ONCE} reads at once by Zipf's law, an L1 of ${MOST_ENTRIES.toLocaleString('en')} entries`,
    x: { name: 'keys', scale: 'log' },
    y: [
      { name: 'reads per second', scale: 'log' },
      { name: 'answered by L1, %', scale: 'linear' },
    ],
    lines: [
      { name: 'reads/s', points: throughput ?? [] },
      { name: 'answered by L1', points: nearby ?? [], axis: 1 },
    ],
  });
  return rows;
}

function draws(count: number): Uint32Array {
  const zipf = new Zipf(Array.from({ length: count }, (_, id) => id));
  const random = new SeededRandom(SEED);
  return Uint32Array.from({ length: DRAWS }, () => zipf.pick(random));
}
