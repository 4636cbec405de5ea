/**
 * Fills one store in a fresh process, whose heap nothing else has shaped, and weighs it: `<subject> <kind of value>
 * <entries> [maxBytes]`, see `memory.ts`. It prints nothing and answers `weigh`.
 */
import { heapStats } from 'bun:jsc';
import { LRUCache } from 'lru-cache';
import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { TTL_MS } from './support/peer.ts';
import { LIFETIMES } from './support/tiercel.ts';
import { VALUE_KINDS } from './support/value-kinds.ts';
import { serve } from './support/worker.ts';

/** The bytes of this process, and the store's own figures. */
export interface Weight {
  readonly heap: number;
  readonly rss: number;
  readonly entries: number;
  /** The store's own estimate; 0 if it makes none. */
  readonly estimated: number;
}

interface Store {
  put(key: string, value: unknown): unknown;
  usage(): { entries: number; bytes: number };
}

const STORES: Readonly<Record<string, (count: number, maxBytes: number) => Store>> = {
  Map() {
    const entries = new Map<string, unknown>();
    return { put: (key, value) => entries.set(key, value), usage: () => ({ entries: entries.size, bytes: 0 }) };
  },
  'lru-cache with TTL'(count) {
    const entries = new LRUCache<string, object>({ max: count, ttl: TTL_MS });
    return {
      put: (key, value) => entries.set(key, value as object),
      usage: () => ({ entries: entries.size, bytes: 0 }),
    };
  },
  tiercel: (count, maxBytes) => tiercel(count, maxBytes, () => []),
  'tiercel (three tags)': (count, maxBytes) =>
    tiercel(count, maxBytes, (key) => ['org:1', 'products', `of:${key.slice(-2)}`]),
};

function tiercel(maxEntries: number, maxBytes: number, tagsOf: (key: string) => readonly string[]): Store {
  const l1 = lru({ maxEntries, maxBytes });
  const cache = createCache({ l1 });
  return {
    put: (key, value) => cache.getOrSet(key, () => value, { ...LIFETIMES, tags: tagsOf(key) }),
    usage: () => l1.usage(),
  };
}

const [subject = '', kind = '', count = '0', maxBytes = String(2 ** 40)] = process.argv.slice(2);
const open = STORES[subject];
const valueAt = VALUE_KINDS[kind];
if (open === undefined || valueAt === undefined) throw new Error(`${subject} with ${kind} cannot be weighed`);

/** The rehearsal is small: entries of it that go after the weighing has begun would be subtracted. */
const REHEARSED = 100;

async function fill({ put }: Store, entries: number): Promise<void> {
  for (let index = 0; index < entries; index += 1) await put(`product:${index}`, valueAt?.(index));
}

async function settled(): Promise<Pick<Weight, 'heap' | 'rss'>> {
  for (let pass = 0; pass < 3; pass += 1) {
    Bun.gc(true);
    await Bun.sleep(10);
  }
  return { heap: heapStats().heapSize, rss: process.memoryUsage().rss };
}

serve({
  async weigh(): Promise<Weight> {
    // It fills another store first, since the memory of the code's first run is no part of an entry.
    const rehearsed = Math.min(Number(count), REHEARSED);
    await fill(open(rehearsed, 2 ** 40), rehearsed);
    const before = await settled();
    const store = open(Number(count), Number(maxBytes));
    await fill(store, Number(count));
    const after = await settled();
    const { entries, bytes } = store.usage();
    return { heap: after.heap - before.heap, rss: after.rss - before.rss, entries, estimated: bytes };
  },
});
