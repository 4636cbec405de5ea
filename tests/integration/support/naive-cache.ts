import type { Redis } from 'ioredis';
import type { Sql } from 'postgres';

const TTL_SECONDS = 3_600;

/** Cache-aside as most of us have written it: read the cache, else load and set; after a write, delete. */
export class NaiveCache {
  readonly #redis: Redis;
  readonly #sql: Sql;
  readonly #prefix: string;

  constructor(redis: Redis, sql: Sql, prefix: string) {
    this.#redis = redis;
    this.#sql = sql;
    this.#prefix = prefix;
  }

  async read(id: number): Promise<string> {
    const cached = await this.peek(id);
    if (cached !== undefined) return cached;
    const [row] = await this.#sql<{ name: string }[]>`select name from products where id = ${id}`;
    if (row === undefined) throw new Error(`there is no product ${id}`);
    await this.#redis.set(this.#key(id), row.name, 'EX', TTL_SECONDS);
    return row.name;
  }

  async write(id: number, name: string): Promise<void> {
    await this.#sql`update products set name = ${name} where id = ${id}`;
    await this.#redis.del(this.#key(id));
  }

  /** What Redis holds. */
  async peek(id: number): Promise<string | undefined> {
    return (await this.#redis.get(this.#key(id))) ?? undefined;
  }

  #key(id: number): string {
    return `${this.#prefix}:product:${id}`;
  }
}
