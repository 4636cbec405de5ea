/** Measures a thousand L1 hits that are asked for at once and awaited together. `bun run bench l1-parallel` */
import { LRUCache } from 'lru-cache';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { best, compare, TURN_MS } from './support/compare.ts';
import { parallelLoop, turnsOf } from './support/loops.ts';
import { keysOf, openAll, Source } from './support/opened.ts';
import { MOST_ENTRIES, TTL_MS } from './support/peer.ts';
import { peers } from './support/peers.ts';
import { atLeast } from './support/report.ts';
import { tiercelWith } from './support/tiercel.ts';
import { SMALL } from './support/values.ts';

const KEYS = keysOf(1_000);
const BASELINE = 'lru-cache, awaited';
const TAGGED = 'tiercel (three tags)';

async function measure(owner: AsyncDisposableStack): Promise<Measured> {
  const { url } = owner.use(await startRedis());
  const source = new Source(() => SMALL.value);
  const { load } = source;
  const mine = [tiercelWith('tiercel'), tiercelWith(TAGGED, { tags: ['org:1', 'products', 'product:10017'] })];
  const others = (await peers()).filter(({ tiers }) => tiers.includes('l1'));
  const caches = [
    // Tiercel runs over Redis, so that a real server gives the proofs.
    ...(await openAll(owner, mine, { tiers: () => 'both', url, load })),
    ...(await openAll(owner, others, { tiers: () => 'l1', url: '', load })),
  ];
  await source.fill(caches, KEYS);

  const raw = new LRUCache<string, object>({ max: MOST_ENTRIES, ttl: TTL_MS });
  for (const key of KEYS) raw.set(key, { ...SMALL });
  const reads = [{ name: BASELINE, read: async (key: string) => raw.get(key) }, ...caches];
  const subjects = reads.map(({ name, read }) => {
    const turn = turnsOf(parallelLoop(read, KEYS), TURN_MS);
    return { name, turn: async () => (await turn()) / KEYS.length };
  });
  const circumstances = '1,000 at once, 97 B, ns each';
  const { figures, rows } = await compare(subjects, { circumstances, unit: 'ns', to: BASELINE });
  const names = others.map(({ name }) => name);
  const fastest = best(names, figures, 'less');
  const aims = [
    atLeast(
      `1,000 L1 hits at once, three tags, faster than the fastest peer (${fastest})`,
      4,
      figures.ratio(fastest, TAGGED).median,
      '×',
    ),
  ];
  return { rows: [...rows, ...source.rows(circumstances)], aims };
}

await benchmark('l1-parallel', measure);
