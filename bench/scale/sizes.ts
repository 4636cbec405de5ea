import type { TieredCache } from 'tiercel';
import type { RedisServer } from '../../tests/support/redis-server.ts';
import { isQuick, progress, type Row } from '../support/report.ts';
import { openLibrary, readsPerSecond } from './library.ts';
import { draw } from './plot.ts';

/** Bytes of a value. */
const SIZES = isQuick() ? [100, 10_000, 1_000_000] : [100, 1_000, 10_000, 100_000, 1_000_000];
const MS = isQuick() ? 150 : 1_500;
/** Runs until the engine has compiled the whole way to Redis and back. */
const WARM_UP_MS = isQuick() ? 150 : 4_000;
const AT_ONCE = 100;
/** Redis can send only a hundred of the biggest values in a second, so these are not read a thousand at once. */
const BIG = 100_000;

/** Measures reads a second of values of different sizes, by the library in this process. */
export async function measureSizes(server: RedisServer): Promise<Row[]> {
  const rows: Row[] = [];
  const lines = { l1: [] as [number, number][], l2: [] as [number, number][] };
  await warmUp(server);
  for (const size of SIZES) {
    progress(`scale: values of ${size} B`);
    await using owner = new AsyncDisposableStack();
    const [near, far] = [await openLibrary(owner, server.url), await openLibrary(owner, server.url, 'no l1')];
    const value = objectOf(size);
    const load = () => value;
    await near.getOrSet('value:1', load);
    const atOnce = size >= BIG ? AT_ONCE / 10 : AT_ONCE;
    const hits = await readsPerSecond(() => near.getOrSet('value:1', load), AT_ONCE, MS);
    const reads = await readsOfL2(far, value, atOnce, MS);
    lines.l1.push([size, hits]);
    lines.l2.push([size, reads]);
    const circumstances = `value of ${size.toLocaleString('en')} B`;
    rows.push(
      { subject: 'library, L1 hit', case: circumstances, figure: hits / 1_000, unit: 'k/s' },
      { subject: 'library, L2 hit', case: circumstances, figure: reads / 1_000, unit: 'k/s' },
    );
  }
  draw('scale-value-size', {
    title: 'Reads by size of the value',
    about: `The library in one process, ${AT_ONCE} reads at once (of L2 ${AT_ONCE / 10} from 100 kB on); Redis on the same machine`,
    x: { name: 'size of the value as JSON, bytes', scale: 'log' },
    y: [{ name: 'reads per second', scale: 'log' }],
    lines: [
      { name: 'L1 hit', points: lines.l1 },
      { name: 'L2 hit', points: lines.l2 },
    ],
  });
  return rows;
}

async function warmUp(server: RedisServer): Promise<void> {
  await using owner = new AsyncDisposableStack();
  await readsOfL2(await openLibrary(owner, server.url, 'no l1'), objectOf(100), AT_ONCE, WARM_UP_MS);
}

/** Reads as many keys as it asks for at once. Readers of the same key would share the answer. */
async function readsOfL2(cache: TieredCache, value: object, atOnce: number, ms: number): Promise<number> {
  const keys = Array.from({ length: atOnce }, (_, index) => `value:${index}`);
  await Promise.all(keys.map((key) => cache.getOrSet(key, () => value)));
  return await readsPerSecond((turn) => cache.getOrSet(keys[turn % atOnce] ?? '', () => value), atOnce, ms);
}

/** Makes an object of about this many bytes of JSON: rows of a hundred bytes each. */
function objectOf(size: number): object {
  const row = (id: number) => ({ id, sku: `SKU-${100_000 + id}`, name: 'x'.repeat(40), price: 12.55, unit: 'box' });
  return size <= 100 ? row(1) : { rows: Array.from({ length: Math.round(size / 100) }, (_, id) => row(id)) };
}
