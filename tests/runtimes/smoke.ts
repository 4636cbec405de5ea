import postgres from 'postgres';
import { createCache, isCacheError, type TieredCache } from 'tiercel';
import { cacheStatus } from 'tiercel/elysia';
import { lru } from 'tiercel/lru';
import { instrument } from 'tiercel/otel';
import { cancellable } from 'tiercel/postgres';
import { redis } from 'tiercel/redis';
import { runOwnTests } from './own-tests.ts';

/**
 * What a program does that has the package installed, on whatever runtime this is: two instances of a cache over Redis,
 * a row in Postgres, and an update that both see; and what its tests do. Arguments: URL of Redis, namespace, URL of Postgres. It ends by itself
 * once everything is closed; nothing may keep the process alive.
 */
const [redisUrl, namespace = '', databaseUrl = ''] = process.argv.slice(2);

function assert(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Not so: ${what}`);
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await condition())) {
    assert(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} });
await sql`create table if not exists product (id int primary key, name text not null)`;
await sql`insert into product values (1, 'bolt') on conflict (id) do update set name = excluded.name`;

/** Each runtime signs and reads what the others have signed. */
const INTEGRITY_KEY = 'smoke:MDEyMzQ1Njc4OWFiY2RlZg==';

function openCache(compression: boolean): TieredCache {
  // That two caches of this process are one cache is what is shown here, and no warning.
  const tiers = redis(redisUrl, { namespace, compression, integrityKey: INTEGRITY_KEY, onWarning: () => {} });
  const cache = createCache({ name: 'smoke', l1: lru({ maxBytes: 1 << 20 }), ...tiers });
  instrument(cache);
  return cache;
}
const caches = [openCache(true), openCache(false)] as const;
const [first, second] = caches;
for (const cache of caches) assert(await cache.ready(5_000), 'the cache reaches Redis');

const read = (cache: TieredCache) =>
  cache.lookup('product:1', async ({ signal }) => {
    const rows = await cancellable(sql<{ name: string }[]>`select name from product where id = 1`, signal);
    return rows[0]?.name ?? null;
  });

const answers = [await read(first), await read(first), await read(second), await read(second)];
const tiers = answers.map(({ tier }) => tier).join(' ');
assert(tiers === 'source l1 l2 l1', `the tiers are source l1 l2 l1; they were ${tiers}`);
assert(
  answers.every(({ value }) => value === 'bolt'),
  'every answer is the row',
);
assert(answers.map(cacheStatus).at(1)?.startsWith('tiercel-l1; hit') === true, 'an L1 hit says so over HTTP');

await sql`update product set name = 'nut' where id = 1`;
await first.delete('product:1');
assert((await read(first)).value === 'nut', 'the writer reads its write');
await until(async () => (await read(second)).value === 'nut', 'the other instance sees the update');

const parts = Array.from({ length: 500 }, (_, id) => ({ id, name: `Šroub ${id} 🔩` }));
await until(() => first.set('parts', parts), 'an instance stores what it compresses');
const readParts = async () => JSON.stringify(await second.get('parts'));
await until(async () => (await readParts()) === JSON.stringify(parts), 'one that does not compress reads it');

async function* keys() {
  for (let id = 1; id <= 200; id += 1) yield { key: `warm:${id}`, loader: () => id };
}
const { loaded } = await first.warm(keys());
const { fresh } = await second.warm(keys(), { concurrency: 16 });
assert(loaded === 200 && fresh === 200, `one instance loads 200 keys and the other finds them; ${loaded} and ${fresh}`);

let loading = 0;
const bothLoad = async () => loading === 2;
const asking = (key: string) => async (): Promise<string> => {
  loading += 1;
  await until(bothLoad, 'both loaders run');
  return first.getOrSet(key, () => 'never', { hardTimeout: Infinity });
};
const ring = [first.getOrSet('ring:a', asking('ring:b')), first.getOrSet('ring:b', asking('ring:a'))];
for (const outcome of await Promise.allSettled(ring)) {
  const { reason } = outcome.status === 'rejected' ? outcome : { reason: undefined };
  assert(isCacheError(reason) && reason.code === 'LOAD_CYCLE', `a ring of loads is refused; it ended by ${reason}`);
}

await runOwnTests(redisUrl, namespace);

await Promise.all(caches.map((cache) => cache.close()));
await sql.end();
console.log(`smoke passed on ${navigator.userAgent}`);
