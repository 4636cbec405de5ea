/**
 * Measures the cost of consistency for an L1 hit: `peek` with every check (TTL, proof, tags) against the same store and
 * the same steps with the TTL alone, in the same run. `bun bench/cost-of-checks.ts`
 */
import { bench, do_not_optimize, run, summary } from 'mitata';
import { lru } from '../src/adapters/lru/index.ts';
import { MemoryServer } from '../src/adapters/memory/index.ts';
import { createCache } from '../src/index.ts';

const server = new MemoryServer();
const l1 = lru();
const cache = createCache({ l1, l2: server.remoteTier(), bus: server.bus() });
await cache.ready();

const value = { id: 17, name: 'A product of ninety-seven bytes, as in the other measurements', price: 12.5 };
const KEYS = ['plain:1', 'tagged:1'] as const;
await cache.getOrSet('plain:1', () => value, { l1Ttl: '1h' });
await cache.getOrSet('tagged:1', () => value, { l1Ttl: '1h', tags: ['org:1', 'products', 'product:1'] });

/** Reads a hit that checks only the time. */
function peekByTtlAlone(key: string): unknown {
  const entry = l1.get(key);
  if (entry === undefined || performance.now() >= entry.hitUntil) return undefined;
  entry.counters.l1Hits += 1;
  return entry.value;
}

for (const key of KEYS) {
  summary(() => {
    bench(`${key}: the TTL alone`, () => do_not_optimize(peekByTtlAlone(key))).baseline(true);
    bench(`${key}: every check`, () => do_not_optimize(cache.peek(key)));
  });
}

await run();
await cache.close();
