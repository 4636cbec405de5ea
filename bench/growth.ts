/**
 * Shows if anything grows without bound. It sends a million distinct keys, each with a tag of its own, through both
 * tiers. It then reports what Redis and this process still hold once the keys have expired. `bun bench/growth.ts
 * [keys]`
 */
import { Redis } from 'ioredis';
import { lru } from '../src/adapters/lru/index.ts';
import { redis } from '../src/adapters/redis/index.ts';
import { createCache } from '../src/index.ts';
import { startRedis } from '../tests/support/redis-server.ts';

const KEYS = Number(process.argv[2] ?? 1_000_000);
const AT_ONCE = 1_000;

await using server = await startRedis();
const admin = new Redis(server.url);
const cache = createCache({
  l1: lru({ maxEntries: 10_000 }),
  ...redis(server.url),
  defaults: { ttl: '1s', l2Timeout: '2s' },
});
await cache.ready();

async function report(when: string): Promise<void> {
  Bun.gc(true);
  const { heapUsed, rss } = process.memoryUsage();
  const mb = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  const { entries } = cache.stats().tiers.l1;
  console.log(
    `${when}: ${await admin.dbsize()} keys in Redis, ${entries} entries in L1, heap ${mb(heapUsed)}, resident ${mb(rss)}`,
  );
}

await report('before');
for (let at = 0; at < KEYS; at += AT_ONCE) {
  const batch = Array.from({ length: Math.min(AT_ONCE, KEYS - at) }, (_, index) => at + index);
  await Promise.all(batch.map((id) => cache.getOrSet(`thing:${id}`, () => ({ id }), { tags: [`tag:${id}`] })));
  await cache.invalidate({ tags: batch.map((id) => `tag:${id}`) });
  if ((at + AT_ONCE) % 250_000 === 0) await report(`after ${at + AT_ONCE}`);
}
// Tag generations stay for a minute at least.
for (let waited = 0; waited < 90 && (await admin.dbsize()) > 10; waited += 1) await Bun.sleep(1_000);
await report('once all have run out');
admin.disconnect();
await cache.close();
