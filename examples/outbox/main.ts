/**
 * Shows "invalidate my cache when my tables change" on a schema of your own. The writers do not know the cache.
 *
 *     DATABASE_URL=postgres://… REDIS_URL=redis://… bun examples/outbox/main.ts
 */
import postgres, { type Sql } from 'postgres';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { outbox, outboxSql } from 'tiercel/postgres';
import { redis } from 'tiercel/redis';

const { DATABASE_URL = 'postgres://127.0.0.1:5432/postgres', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;
const SCHEMA = 'tiercel_example';

// These two declarations are the whole setup: the tables that feed keys and tags, and a cache that reads the outbox.
const MIGRATION = outboxSql([
  // Every change ends `book-lists`. Lists carry this tag, because an INSERT makes no key untrue.
  { table: 'books', keys: ['book:{id}'], tags: ['author:{author}', 'book-lists'], all: ['books'] },
  {
    table: 'reviews',
    via: `select changed.book, books.author from changed join ${SCHEMA}.books on books.id = changed.book`,
    keys: ['book:{book}'],
    tags: ['author:{author}'],
    all: ['books'],
  },
]);
/**
 * Drops a warning: two caches of one namespace in one process are usually a mistake. Here they stand for two instances.
 */
const onWarning = (): void => {};
const cacheOf = (sql: Sql, namespace: string): TieredCache =>
  createCache({ l1: lru(), ...redis(REDIS_URL, { namespace, onWarning }), outbox: outbox(sql) });

interface Book {
  readonly title: string;
  readonly stars: number | null;
}

async function main(): Promise<void> {
  await using owner = new AsyncDisposableStack();
  const sql = postgres(DATABASE_URL, { max: 2, onnotice: () => {}, connection: { search_path: SCHEMA } });
  owner.defer(() => sql.end());
  await sql`create schema ${sql(SCHEMA)}`;
  owner.defer(async () => void (await sql`drop schema ${sql(SCHEMA)} cascade`));
  await sql`create table books (id int primary key, author text not null, title text not null)`;
  await sql`create table reviews (book int not null references books, stars int not null)`;
  await sql`insert into books values (1, 'Le Guin', 'The Disposessed')`;
  await sql.begin((tx) => tx.unsafe(MIGRATION));

  // These caches stand for two instances of a service, each with its own L1.
  const namespace = `outbox-example-${process.pid}`;
  const instances = [owner.use(cacheOf(sql, namespace)), owner.use(cacheOf(sql, namespace))];
  await Promise.all(instances.map((cache) => cache.ready()));

  await show('at first', instances, sql);
  await sql`update books set title = 'The Dispossessed' where id = 1`;
  await settled(sql, instances);
  await show('after an UPDATE of the book', instances, sql);
  await sql`insert into reviews values (1, 5)`;
  await settled(sql, instances);
  await show('after an INSERT of a review', instances, sql);
  await instances[0]?.clear();
}

/** Prints the answer of each instance, and the tier that answers when it is asked again. */
async function show(when: string, instances: readonly TieredCache[], sql: Sql): Promise<void> {
  for (const [index, cache] of instances.entries()) {
    const load = async (): Promise<Book | null> => {
      const [book] = await sql<Book[]>`
        select title, (select avg(stars)::float8 from reviews where book = books.id) as stars from books where id = 1`;
      return book ?? null;
    };
    const options = { tags: ['author:Le Guin', 'books'] };
    const { value, tier } = await cache.lookup('book:1', load, options);
    console.log(`${when}: instance ${index + 1} says ${JSON.stringify(value)} from ${tier}`);
  }
}

/**
 * Waits until the relay has delivered all rows, and each instance has dropped the book from L1: a few milliseconds. The message
 * that makes an instance drop it travels beside the note that its row was delivered.
 */
async function settled(sql: Sql, instances: readonly TieredCache[]): Promise<void> {
  for (;;) {
    const [row] = await sql`select from tiercel_outbox where delivered_at is null`;
    if (row === undefined && instances.every((cache) => cache.peek('book:1') === undefined)) return;
    await new Promise((resume) => setTimeout(resume, 1));
  }
}

await main();
