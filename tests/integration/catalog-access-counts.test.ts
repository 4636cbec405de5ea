import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { addAccessCounts, mostAccessed, orgIds } from '../../src/catalog/queries.ts';
import { bigints, type Sql } from '../../src/catalog/sql.ts';
import { openSeededPostgres, type SeededCatalog } from './catalog-databases.ts';

setDefaultTimeout(30_000);

const PRODUCTS = { table: 'products', column: 'access_count' };
const BOMS = { table: 'boms', column: 'access_count' };

/** Everything that a count could change and must not. */
async function footprint(sql: Sql): Promise<object> {
  const [row] = await sql`
    select (select json_agg(to_jsonb(products) - 'access_count' order by id) from products) as products,
           (select json_agg(to_jsonb(boms) - 'access_count' order by id) from boms) as boms,
           (select count(*) from tiercel_outbox) as outbox,
           (select count(*) from org_departures) as departures,
           (select json_agg(org_aggregates order by org_id) from org_aggregates) as dashboards`;
  return { ...row };
}

const countsOf = async (sql: Sql, ids: readonly number[]) =>
  (
    await sql<
      { access_count: number }[]
    >`select access_count from products where id = any (${bigints(sql, ids)}) order by id`
  ).map(({ access_count }) => access_count);

describe('counts of reads', () => {
  let database: SeededCatalog;
  beforeAll(async () => {
    database = await openSeededPostgres();
  });
  afterAll(() => database.close());

  test('are added up, and are no change of anything: no version, no row in the outbox, no dashboard', async () => {
    const { sql } = database;
    const before = await footprint(sql);
    expect(
      await addAccessCounts(sql, PRODUCTS, [
        [1, 3],
        [2, 1],
      ]),
    ).toEqual([]);
    expect(
      await addAccessCounts(sql, PRODUCTS, [
        [2, 4],
        [999_999, 7],
      ]),
    ).toEqual([]);
    expect(
      await addAccessCounts(sql, BOMS, [
        [1, 2],
        [51, 9],
      ]),
    ).toEqual([]);
    expect(await addAccessCounts(sql, PRODUCTS, [])).toEqual([]);
    expect(await countsOf(sql, [1, 2, 3])).toEqual([3, 5, 0]);
    expect(await footprint(sql)).toEqual(before);
    // The comparison would be blind if it saw nothing.
    await sql`update products set name = name || '!' where id = 1`;
    expect(await footprint(sql)).not.toEqual(before);
  });

  test('give each org’s favourites, every org’s first before anybody’s second', async () => {
    const { sql } = database;
    await sql`update products set access_count = 0`;
    await addAccessCounts(sql, PRODUCTS, [
      [5, 1],
      [9, 8],
      [101, 2],
    ]);
    const best = await mostAccessed(sql, 'products', 3, { limit: 12 });
    expect(best.slice(0, 3)).toEqual([
      { orgId: 1, id: 9 },
      { orgId: 2, id: 101 },
      { orgId: 3, id: 201 },
    ]);
    expect(best.slice(10)).toEqual([
      { orgId: 1, id: 5 },
      { orgId: 2, id: 102 },
    ]);
    const all = await mostAccessed(sql, 'products', 3, { limit: 1_000 });
    expect(all).toHaveLength(30);
    expect(all.filter(({ orgId }) => orgId === 1).map(({ id }) => id)).toEqual([9, 5, 1]);
    expect(await mostAccessed(sql, 'boms', 100, { limit: 1_000 })).toHaveLength(500);
    expect(await orgIds(sql, { limit: 3 })).toEqual([1, 2, 3]);
  });

  test('leave out and name a row that another transaction is changing, without waiting for it', async () => {
    const { sql } = database;
    await sql`update products set access_count = 0`;
    await sql.begin(async (tx) => {
      await tx`update products set price = price + 1 where id = 2`;
      expect(
        await addAccessCounts(sql, PRODUCTS, [
          [1, 1],
          [2, 1],
          [3, 1],
        ]),
      ).toEqual([2]);
    });
    expect(await countsOf(sql, [1, 2, 3])).toEqual([1, 0, 1]);
    expect(await addAccessCounts(sql, PRODUCTS, [[2, 1]])).toEqual([]);
    expect(await countsOf(sql, [2])).toEqual([1]);
  });
});
