import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { deleteProduct, replaceBomItems } from '../../src/catalog/queries.ts';
import type { Queryable } from '../../src/catalog/sql.ts';
import { until } from '../../src/testing/until.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { openSeededPostgres, type SeededCatalog } from './catalog-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let database: SeededCatalog;

beforeAll(async () => {
  database = await openSeededPostgres();
});

afterAll(() => database.close());

const versionFrom = (rows: readonly { version?: number }[]): number => rows[0]?.version ?? Number.NaN;

/** Resolves once some session waits for another one's lock. */
async function somebodyWaits(): Promise<void> {
  const waiting = () => database.sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => (await waiting()).length > 0, { what: 'the second writer to wait for the first' });
}

describe('versions under concurrent writers', () => {
  test('the writer that waited gets the greater version, whichever transaction began first or wrote last', async () => {
    const raise = (sql: Queryable) =>
      sql`update products set price = price + 1 where id = 1 returning version`.then(versionFrom);
    const firstHolds = Promise.withResolvers<void>();
    const secondHasBegun = Promise.withResolvers<void>();
    const second = database.sql.begin(async (tx) => {
      await tx`select now()`;
      secondHasBegun.resolve();
      await firstHolds.promise;
      return raise(tx);
    });
    await secondHasBegun.promise;
    const first = await database.sql.begin(async (tx) => {
      const early = await raise(tx);
      firstHolds.resolve();
      await somebodyWaits();
      const late = await raise(tx);
      expect(late).toBeGreaterThan(early);
      return late;
    });
    expect(await second).toBeGreaterThan(first);
  });

  test('the same for items of one BOM that several sessions add', async () => {
    const add = (sql: Queryable) => sql`insert into bom_items (bom_id, product_id, quantity) values (1, 60, 1)`;
    const version = (sql: Queryable) => sql`select version from boms where id = 1`.then(versionFrom);
    let second: Promise<unknown> | undefined;
    const first = await database.sql.begin(async (tx) => {
      await add(tx);
      second = add(database.sql).execute();
      await somebodyWaits();
      await add(tx);
      return version(tx);
    });
    await second;
    expect(await version(database.sql)).toBeGreaterThan(first);
  });

  test('statements over the same BOMs in opposite orders do not block each other for ever', async () => {
    const sweep = (order: 'asc' | 'desc') =>
      database.sql.unsafe(`
        insert into bom_items (bom_id, product_id, quantity)
        select id, 60, 1 from (select id from boms where id between 2 and 40 order by id ${order}) b`);
    const rounds = Array.from({ length: 20 }, (_, n) => sweep(n % 2 === 0 ? 'asc' : 'desc').execute());
    await Promise.all(rounds);
    const [row] = await database.sql`select count(*) as n from bom_items where bom_id = 40 and product_id = 60`;
    expect(row?.n).toBeGreaterThanOrEqual(20);
  });
});

describe('writes that meet', () => {
  test('two replacements of one BOM: the items of the later one, not of both', async () => {
    const items = (productId: number, lines: number) =>
      Array.from({ length: lines }, () => ({ productId, quantity: 1, unit: 'each' }));
    let second: ReturnType<typeof replaceBomItems> | undefined;
    await database.sql.begin(async (tx) => {
      await replaceBomItems(tx, 1, 45, items(61, 3));
      second = replaceBomItems(database.sql, 1, 45, items(62, 2));
      await somebodyWaits();
    });
    expect((await second)?.items).toEqual(items(62, 2));
  });

  test('a product deleted while a BOM takes it up takes the new item along, and names that BOM', async () => {
    let deleted: ReturnType<typeof deleteProduct> | undefined;
    await database.sql.begin(async (tx) => {
      await replaceBomItems(tx, 1, 46, [{ productId: 99, quantity: 1, unit: 'each' }]);
      deleted = deleteProduct(database.sql, 1, 99);
      await somebodyWaits();
    });
    expect((await deleted)?.bomIds).toContain(46);
    const items = await database.sql`select from bom_items where bom_id = 46`;
    expect(items).toHaveLength(0);
  });
});
