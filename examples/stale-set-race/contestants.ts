import { Redis } from 'ioredis';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import type { Database } from './database.ts';
import { NaiveCache } from './naive-cache.ts';

/** One instance of a service that caches. */
export interface Instance {
  read(id: number): Promise<number | null>;
  write(id: number, price: number): Promise<void>;
}

/** Three instances over one Redis and one database. */
export interface Contestant extends AsyncDisposable {
  readonly name: string;
  readonly a: Instance;
  readonly b: Instance;
  /** Has nothing in memory, so its answers show the content of Redis. */
  readonly c: Instance;
}

/** Makes three instances of {@link NaiveCache}. */
export function naiveCacheAside(url: string, database: Database, prefix: string): Contestant {
  const client = new Redis(url);
  const instance = () => new NaiveCache(client, database, prefix);
  return {
    name: 'naive cache-aside',
    a: instance(),
    b: instance(),
    c: instance(),
    async [Symbol.asyncDispose]() {
      await client.quit();
    },
  };
}

/** Drops a warning: caches of one namespace in one process are usually a mistake. Here each stands for an instance. */
const onWarning = (): void => {};

/** Makes three instances of Tiercel, each with an L1, a connection and a subscription of its own. */
export async function tiercel(url: string, database: Database, prefix: string): Promise<Contestant> {
  const caches: TieredCache[] = [];
  const instance = async (): Promise<Instance> => {
    const cache = createCache({
      name: 'prices',
      l1: lru({ maxEntries: 1_000 }),
      ...redis(url, { namespace: prefix, onWarning }),
    });
    caches.push(cache);
    // Until Redis is connected every read would go to the database, which shows nothing.
    await cache.ready();
    return {
      read: (id) => cache.getOrSet(`product:${id}`, () => database.read(id), { ttl: '1h' }),
      async write(id, price) {
        await database.write(id, price);
        await cache.delete(`product:${id}`);
      },
    };
  };
  return {
    name: 'Tiercel',
    a: await instance(),
    b: await instance(),
    c: await instance(),
    async [Symbol.asyncDispose]() {
      await Promise.all(caches.map((cache) => cache.close()));
    },
  };
}
