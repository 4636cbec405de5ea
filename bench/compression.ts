/**
 * Shows from which length on compression of values for Redis pays, and with which algorithm. It measures the algorithms
 * that every runtime has. It then measures a cache with and without them, over loopback, where smaller values gain
 * nothing. From that it computes the network speed at which they gain. `bun bench/compression.ts`
 */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { lru } from '../src/adapters/lru/index.ts';
import { redis } from '../src/adapters/redis/index.ts';
import { createCache, type TieredCache } from '../src/index.ts';
import { startRedis } from '../tests/support/redis-server.ts';

const SIZES = [1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000, 1_000_000];
const ROUNDS = 9;

const WORDS = ['Hex', 'Bolt', 'Nut', 'Washer', 'Steel', 'Zinc', 'Plate', 'M6', 'M8', 'Flange', 'Socket', 'Valve'];

/** Makes a product list of about this many bytes, always the same. */
function products(bytes: number): unknown[] {
  let state = 7;
  const below = (end: number): number => {
    state = (state * 48_271) % 0x7fffffff;
    return state % end;
  };
  const word = (): string => WORDS[below(WORDS.length)] ?? '';
  const list: unknown[] = [];
  for (let length = 0; length < bytes; length += JSON.stringify(list.at(-1)).length + 1) {
    const id = 100_000 + list.length * 7;
    const name = `${word()} ${word()} ${below(1_000)}`;
    list.push({ id, orgId: 3, sku: `SKU-${below(1e8)}`, name, price: below(1e5) / 100, unit: 'pcs', version: 1 });
  }
  return list;
}

function median(given: readonly number[]): number {
  return given.toSorted((one, other) => one - other)[given.length >> 1] ?? Number.NaN;
}

/** Measures the microseconds of each run: medians of rounds in turns. */
async function timed<Name extends string>(
  bytes: number,
  runs: Readonly<Record<Name, () => unknown>>,
): Promise<Record<Name, number>> {
  const repeats = Math.max(4, Math.min(400, Math.floor(2e6 / bytes)));
  const names = Object.keys(runs) as Name[];
  const rounds = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const name of names) {
      const began = performance.now();
      for (let repeat = 0; repeat < repeats; repeat += 1) await runs[name]();
      // The first round warms up.
      if (round > 0) rounds.get(name)?.push(((performance.now() - began) * 1_000) / repeats);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(rounds.get(name) ?? [])])) as Record<Name, number>;
}

const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const MOST = { maxOutputLength: 16 * 2 ** 20 };

const CANDIDATES = {
  'gzip 1': [(body: Buffer) => gzipSync(body, { level: 1 }), (body: Buffer) => gunzipSync(body, MOST)],
  'gzip 3': [(body: Buffer) => gzipSync(body, { level: 3 }), (body: Buffer) => gunzipSync(body, MOST)],
  'gzip 6': [(body: Buffer) => gzipSync(body, { level: 6 }), (body: Buffer) => gunzipSync(body, MOST)],
  'deflate 1': [(body: Buffer) => deflateRawSync(body, { level: 1 }), (body: Buffer) => inflateRawSync(body, MOST)],
  'brotli 1': [(body: Buffer) => brotliCompressSync(body, brotli), (body: Buffer) => brotliDecompressSync(body, MOST)],
  'zstd 1': [(body: Buffer) => zstdCompressSync(body, zstd), (body: Buffer) => zstdDecompressSync(body, MOST)],
} as const;

/**
 * Prints how much each algorithm shrinks the text, and its microseconds to pack and to unpack, beside those of JSON.
 */
async function compareCandidates(): Promise<void> {
  const rows: Record<string, Record<string, string>> = {};
  for (const size of SIZES) {
    const value = products(size);
    const text = JSON.stringify(value);
    const body = Buffer.from(text);
    const json = await timed(size, { out: () => JSON.stringify(value), back: () => JSON.parse(text) });
    const row: Record<string, string> = { JSON: `${json.out.toFixed(0)} + ${json.back.toFixed(0)}` };
    for (const [name, [pack, unpack]] of Object.entries(CANDIDATES)) {
      const packed = pack(body);
      const { out, back } = await timed(size, { out: () => pack(body), back: () => unpack(packed) });
      row[name] = `1/${(body.length / packed.length).toFixed(1)} ${out.toFixed(0)} + ${back.toFixed(0)}`;
    }
    rows[body.length] = row;
  }
  console.table(rows);
}

/**
 * Measures the microseconds of an L2 hit and of a `set`, plain and compressed, one after the other. It prints the speed
 * of the network, in Gbit/s, at which compression takes no longer: for a hit alone, and for a `set` with one hit.
 */
async function compareCaches(): Promise<void> {
  await using server = await startRedis();
  const start = async (compression: boolean): Promise<TieredCache> => {
    const tiers = redis(server.url, { namespace: `zip-${compression}`, compression: compression && { threshold: 0 } });
    const cache = createCache({ l1: lru(), ...tiers, defaults: { l1Ttl: 0, l2Timeout: '10s', jitter: 0 } });
    await cache.ready();
    return cache;
  };
  const [plain, compressing] = [await start(false), await start(true)];
  const rows: Record<string, Record<string, string | number>> = {};
  for (const size of SIZES) {
    const value = products(size);
    const body = Buffer.from(JSON.stringify(value));
    const saved = (body.length - gzipSync(body, { level: 1 }).length) * 8;
    const us = await timed(size, {
      set: () => plain.set('list', value),
      setCompressed: () => compressing.set('list', value),
      hit: () => plain.get('list'),
      hitCompressed: () => compressing.get('list'),
    });
    const hit = us.hitCompressed - us.hit;
    const both = hit + us.setCompressed - us.set;
    // Bits divided by microseconds are Mbit/s.
    const upTo = (bits: number, cost: number): string => (cost <= 0 ? 'any' : (bits / cost / 1_000).toFixed(1));
    rows[body.length] = {
      'hit, plain': Math.round(us.hit),
      'hit, compressed': Math.round(us.hitCompressed),
      'set, plain': Math.round(us.set),
      'set, compressed': Math.round(us.setCompressed),
      'a hit pays up to, Gbit/s': upTo(saved, hit),
      'a set and a hit pay up to, Gbit/s': upTo(2 * saved, both),
    };
  }
  console.table(rows);
  await Promise.all([plain.close(), compressing.close()]);
}

await compareCandidates();
await compareCaches();
