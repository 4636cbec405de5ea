import type { Redis } from 'ioredis';
import type { Database } from './database.ts';

const TTL_SECONDS = 3_600;

/** Implements cache-aside in its usual form: read the cache, else load and set; after a write, delete. */
export class NaiveCache {
  readonly #redis: Redis;
  readonly #database: Database;
  readonly #prefix: string;

  constructor(redis: Redis, database: Database, prefix: string) {
    this.#redis = redis;
    this.#database = database;
    this.#prefix = prefix;
  }

  async read(id: number): Promise<number | null> {
    const key = `${this.#prefix}:product:${id}`;
    const cached = await this.#redis.get(key);
    if (cached !== null) return Number(cached);
    const price = await this.#database.read(id);
    // This is the mistake: the price may have changed since the read.
    if (price !== null) await this.#redis.set(key, price, 'EX', TTL_SECONDS);
    return price;
  }

  async write(id: number, price: number): Promise<void> {
    await this.#database.write(id, price);
    await this.#redis.del(`${this.#prefix}:product:${id}`);
  }
}
